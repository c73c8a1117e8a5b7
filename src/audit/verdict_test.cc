#include "audit/verdict.h"

#include <gtest/gtest.h>

#include <string>

namespace waybill::audit {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kStart = 1'000 * kMinute;

OffsetRange range(int64_t begin, int64_t end) { return {Offset(begin), Offset(end)}; }

/// A log from `start` to `end` whose last stable offset is `stable`; records by their offsets.
struct Log {
  int64_t start = 0;
  int64_t stable = 1000;
  int64_t end = 1000;
  std::vector<int64_t> committed;
  std::vector<int64_t> uncommitted;
  int64_t judged_to = 1000;
  int64_t time_ms = kStart + 5;

  Evidence read() const { return {answer(committed, stable), answer(uncommitted, end)}; }

 private:
  flow::RangeAnswer answer(const std::vector<int64_t>& offsets, int64_t bound) const {
    flow::RangeAnswer a;
    for (int64_t o : offsets)
      a.records.push_back({.offset = Offset(o), .time_ms = time_ms, .time_type = flow::TimeType::kCreate});
    a.judged_to = Offset(judged_to);
    a.bounds = {Offset(start), Offset(bound)};
    return a;
  }
};

Suspicion suspicion(int64_t begin, int64_t end) {
  return {.range = range(begin, end),
          .label = {tally::BucketKind::kNormal, BucketStart(kStart)},
          .policy = CleanupPolicy::kDelete};
}

/// "10-12 lost skipped; 12-13 excused aborted", ends exclusive.
std::string told(const Suspicion& s, const Log& log) {
  std::string out;
  for (const Verdict& v : judge(s, log.read())) {
    if (!out.empty()) out += "; ";
    out += std::to_string(v.range.begin.value) + "-" + std::to_string(v.range.end.value) + " " +
           std::string(state_name(v.state));
    if (v.reason != Reason::kNone) out += " " + std::string(reason_name(v.reason));
  }
  return out;
}

TEST(Judge, CallsAMessageThatIsThereAndWasPassedLost) {
  EXPECT_EQ(told(suspicion(10, 13), {.committed = {10, 11, 12}, .uncommitted = {10, 11, 12}}),
            "10-13 lost skipped");
}

TEST(Judge, CallsWhatRetentionTookExpired) {
  EXPECT_EQ(told(suspicion(10, 13), {.start = 12, .committed = {12}, .uncommitted = {12}}),
            "10-12 lost expired; 12-13 lost skipped");
}

TEST(Judge, ExcusesAnAbortedTransaction) {
  EXPECT_EQ(told(suspicion(10, 14), {.committed = {10}, .uncommitted = {10, 11, 12, 13}}),
            "10-11 lost skipped; 11-14 excused aborted");
}

TEST(Judge, LeavesAnOpenTransactionPending) {
  EXPECT_EQ(told(suspicion(10, 14), {.stable = 12, .committed = {10, 11}, .uncommitted = {10, 11, 12, 13}}),
            "10-12 lost skipped; 12-14 pending open_transaction");
}

TEST(Judge, ExcusesWhatNobodyClaimedAsAMarker) {
  Suspicion s = suspicion(10, 12);
  s.claimed = false;
  EXPECT_EQ(told(s, {}), "10-12 excused control");
}

TEST(Judge, ExcusesWhatCompactionRemoved) {
  Suspicion s = suspicion(10, 12);
  s.policy = CleanupPolicy::kCompact;
  EXPECT_EQ(told(s, {.committed = {11}, .uncommitted = {11}}), "10-11 excused compacted; 11-12 lost skipped");
}

TEST(Judge, CallsAcknowledgedOffsetsThatAreGoneTruncated) {
  EXPECT_EQ(told(suspicion(10, 12), {}), "10-12 lost truncated");
}

TEST(Judge, CallsAnOffsetThatNowHoldsAnotherRecordTruncated) {
  EXPECT_EQ(told(suspicion(10, 11), {.committed = {10}, .uncommitted = {10}, .time_ms = kStart + kMinute}),
            "10-11 lost truncated");
  Suspicion twice = suspicion(10, 11);
  twice.claimed_twice = true;
  EXPECT_EQ(told(twice, {.committed = {10}, .uncommitted = {10}}), "10-11 lost truncated");
}

TEST(Judge, WaitsForReplicasBeforeItCallsThePastOfTheEndTruncated) {
  Suspicion s = suspicion(998, 1002);
  const Log log{.committed = {998, 999}, .uncommitted = {998, 999}};
  EXPECT_EQ(told(s, log), "998-1000 lost skipped; 1000-1002 suspected");
  s.past_end_ms = 30'000;
  EXPECT_EQ(told(s, log), "998-1000 lost skipped; 1000-1002 lost truncated");
  s.claimed = false;
  EXPECT_EQ(told(s, log), "998-1000 lost skipped; 1000-1002 suspected");
}

TEST(Judge, NeverJudgesWhatTheBrokerDidNotReach) {
  EXPECT_EQ(told(suspicion(10, 14), {.committed = {10}, .uncommitted = {10}, .judged_to = 11}),
            "10-11 lost skipped; 11-14 suspected");
}

TEST(Judge, DoesNotGuessWhenTheTopicsPolicyIsUnknown) {
  Suspicion s = suspicion(10, 12);
  s.policy = CleanupPolicy::kUnknown;
  EXPECT_EQ(told(s, {.committed = {11}, .uncommitted = {11}}),
            "10-11 suspected missing_right; 11-12 lost skipped");
}

TEST(Judge, TurnsEveryLossIntoUnconfirmedWhereAReaderWasNotHeard) {
  for (Reason taint : {Reason::kReporterVanished, Reason::kReportMissing, Reason::kUnauditedMember}) {
    Suspicion s = suspicion(8, 13);
    s.taint = taint;
    s.past_end_ms = 60'000;
    const std::string said =
        told(s, {.start = 9, .stable = 12, .end = 12, .committed = {9}, .uncommitted = {9, 11}});
    const std::string unconfirmed = " unconfirmed " + std::string(reason_name(taint));
    EXPECT_EQ(said, "8-11" + unconfirmed + "; 11-12 excused aborted; 12-13" + unconfirmed);
  }
}

}  // namespace
}  // namespace waybill::audit
