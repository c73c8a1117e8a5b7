// The rows of DESIGN 4.2, from reports and the broker's answers to findings and counts.

#include "audit/verifier.h"

#include <gtest/gtest.h>

#include "audit/verifier_harness.h"

namespace waybill::audit {
namespace {

using namespace harness;
using Lines = std::vector<std::string>;
constexpr int64_t kSecond = 1000;
constexpr int64_t kNow = kStart + kSecond;

/// 100 messages of which one reader is handed all but [first, last], and commits what it stands at.
struct Skip {
  explicit Skip(int64_t first = 10, int64_t last = 19, CollectorOptions options = Harness::defaults())
      : h(std::move(options)) {
    p.producer().saw(0, 99);
    c.consumer("g").saw(0, first - 1).saw(last + 1, 99).at(0, 100, 100, 100);
    h.deliver(p.report(kNow), kNow);
    h.deliver(c.report(kNow), kNow);
  }
  void run(int64_t seconds) {
    live(h, log, {&p, &c}, now, now + seconds * kSecond);
    now += seconds * kSecond;
  }
  void expect(const Lines& lines, std::map<std::string, int64_t> counts) {
    EXPECT_EQ(h.findings("g"), lines);
    for (const char* state : {"pending", "suspected", "lost", "late", "unconfirmed", "excused"}) {
      EXPECT_EQ(h.total("t", "g", state), counts[state]) << state;
      EXPECT_EQ(h.tables.sum(bucket_table(), {std::string("main"), std::string("t")}, state), counts[state]);
      EXPECT_EQ(h.tables.sum(hour_table(), {std::string("main"), std::string("t")}, state), counts[state]);
    }
  }
  Harness h;
  FakeLog log;
  Process p{1}, c{2};
  int64_t now = kNow;
};

TEST(VerifierTest, AMessageThatIsThereAndWasPassedIsLostBySkipping) {
  Skip s;
  s.run(6);
  s.expect({"0:10-19 lost skipped"}, {{"lost", 10}});
  EXPECT_GT(s.h.tables.sum(finding_table(), {std::string("main")}, "verified_ms"), kNow);
  s.run(30);
  int64_t reads = s.log.reads;
  s.run(30);
  EXPECT_LE(s.log.reads, reads + 6 * 2) << "what is judged is not read again; only ages are";
  s.h.restart();
  s.run(5);
  s.expect({"0:10-19 lost skipped"}, {{"lost", 10}});
}

TEST(VerifierTest, NothingIsJudgedAboveTheCommittedPosition) {
  Harness h;
  FakeLog log;
  Process p(1), c(2);
  p.producer().saw(0, 99);
  c.consumer("g").saw(0, 9).saw(20, 99).at(0, 100, 100, 15);
  h.deliver(p.report(kNow), kNow);
  h.deliver(c.report(kNow), kNow);
  live(h, log, {&p, &c}, kNow, kNow + 40 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines({"0:10-14 lost skipped", "0:15-19 suspected"}));
  c.at(0, 100, 100, 100);
  live(h, log, {&p, &c}, kNow + 40 * kSecond, kNow + 44 * kSecond);
  EXPECT_EQ(h.total("t", "g", "lost"), 10);
  EXPECT_EQ(h.total("t", "g", "suspected"), 0);
}

TEST(VerifierTest, AGroupThatNeverCommitsOwesWithinOneSession) {
  Harness h;
  FakeLog log;
  Process p(1), c(2);
  p.producer().saw(0, 99);
  c.consumer("g").saw(0, 9).saw(20, 99).at(0, 100, 100);
  h.deliver(p.report(kNow), kNow);
  h.deliver(c.report(kNow), kNow);
  live(h, log, {&p, &c}, kNow, kNow + 6 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines({"0:10-19 suspected"})) << "it may still commit for the first time";
  live(h, log, {&p, &c}, kNow + 6 * kSecond, kNow + 14 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines({"0:10-19 lost skipped"}));
}

TEST(VerifierTest, WhatArrivesAfterAllIsLate) {
  Skip s;
  s.run(6);
  s.c.saw(12, 14).at(0, 15, 100, 100);
  s.run(2);
  s.expect({"0:10-11 lost skipped", "0:12-14 late", "0:15-19 lost skipped"}, {{"lost", 7}, {"late", 3}});
  s.h.restart();
  s.c.saw(10, 19).at(0, 20, 100, 100);
  s.run(2);
  EXPECT_EQ(s.h.total("t", "g", "late"), 10);
  EXPECT_EQ(s.h.total("t", "g", "lost"), 0);
  EXPECT_EQ(s.h.total("t", "g", "redelivered"), 3);
}

TEST(VerifierTest, AbortedMessagesAreExcusedAndTheLossBesideThemIsNot) {
  Skip s;
  for (int64_t o = 12; o < 17; ++o) s.log.aborted.insert(o);
  s.run(6);
  s.expect({"0:10-11 lost skipped", "0:12-16 excused aborted", "0:17-19 lost skipped"},
           {{"lost", 5}, {"excused", 5}});
}

TEST(VerifierTest, AnOpenTransactionIsPendingUntilItEnds) {
  Skip s;
  s.log.stable_end = 12;
  s.run(6);
  s.expect({"0:10-11 lost skipped", "0:12-19 pending open_transaction"}, {{"lost", 2}, {"pending", 8}});
  s.h.restart();
  s.log.stable_end = s.log.end;
  for (int64_t o = 12; o < 20; ++o) s.log.aborted.insert(o);
  s.run(8);
  s.expect({"0:10-11 lost skipped", "0:12-19 excused aborted"}, {{"lost", 2}, {"excused", 8}});
}

TEST(VerifierTest, CompactionExcusesAndDeletionDoesNot) {
  for (bool compacted : {true, false}) {
    Skip s;
    s.log.policy = compacted ? "compact,delete" : "delete";
    for (int64_t o = 10; o < 20; ++o) s.log.absent.insert(o);
    s.run(6);
    if (compacted) {
      s.expect({"0:10-19 excused compacted"}, {{"excused", 10}});
    } else {
      s.expect({"0:10-19 lost truncated"}, {{"lost", 10}});
    }
  }
}

TEST(VerifierTest, UnreadMessagesBelowTheLogStartAreLostByExpiry) {
  Harness h;
  FakeLog log;
  Process p(1), c(2);
  p.producer().saw(0, 99);
  c.consumer("g").saw(0, 59).at(0, 60, 60, 60);
  h.deliver(p.report(kNow), kNow);
  h.deliver(c.report(kNow), kNow);
  log.end = log.stable_end = 100;
  live(h, log, {&p, &c}, kNow, kNow + 10 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines({"0:60-99 pending"}));
  log.start = 80;
  live(h, log, {&p, &c}, kNow + 10 * kSecond, kNow + 22 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines({"0:60-79 lost expired", "0:80-99 pending"}));
}

TEST(VerifierTest, WhatExpiredWhileAMemberWithoutThePluginReadIsUnconfirmed) {
  for (bool by_commit : {false, true}) {
    Harness h;
    FakeLog log;
    Process p(1), c(2);
    p.producer().saw(0, 99);
    c.consumer("g").saw(0, 59).at(0, 60, 60, 60);
    h.deliver(p.report(kNow), kNow);
    h.deliver(c.report(kNow), kNow);
    log.end = log.stable_end = 100;
    log.start = 80;
    if (by_commit) {
      log.position = 90;
    } else {
      log.members = {{"m1", "c1", "h", {{"t", PartitionId(1)}}},
                     {"m2", "other", "h", {{"t", PartitionId(0)}}}};
    }
    live(h, log, {&p, &c}, kNow, kNow + 40 * kSecond);
    EXPECT_EQ(h.findings("g"), Lines({"0:60-79 unconfirmed unaudited_member", "0:80-99 pending"}));
  }
}

TEST(VerifierTest, PastTheEndOfTheLogIsHeldThenLostByTruncation) {
  Harness h;
  FakeLog log;
  Process p(1), c(2);
  p.producer().saw(0, 99);
  c.consumer("g").saw(0, 59).at(0, 60, 60, 60);
  h.deliver(p.report(kNow), kNow);
  h.deliver(c.report(kNow), kNow);
  log.end = log.stable_end = 70;
  live(h, log, {&p, &c}, kNow, kNow + 30 * kSecond);
  EXPECT_EQ(h.total("t", "g", "lost"), 0);
  EXPECT_EQ(h.total("t", "g", "suspected"), 30);
  live(h, log, {&p, &c}, kNow + 30 * kSecond, kNow + 60 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines({"0:60-69 pending", "0:70-99 lost truncated"}));
}

TEST(VerifierTest, AMissingRightLeavesItSuspectedAndSaysSo) {
  Skip s;
  s.log.denied = true;
  s.run(10);
  s.expect({"0:10-19 suspected missing_right"}, {{"suspected", 10}});
  s.log.denied = false;
  s.run(70);
  s.expect({"0:10-19 lost skipped"}, {{"lost", 10}});
}

TEST(VerifierTest, SwitchedOffItReadsNothingAndSaysSo) {
  CollectorOptions options = Harness::defaults();
  options.verify.mode = VerifyOptions::Mode::kOff;
  Skip s(10, 19, options);
  s.run(10);
  s.expect({"0:10-19 suspected beyond_budget"}, {{"suspected", 10}});
}

TEST(VerifierTest, AHandoverWithoutProofIsUnconfirmedAndWithACommitItIsLost) {
  for (bool committed : {false, true}) {
    Harness h;
    FakeLog log;
    Process p(1), a(2), b(3);
    p.producer().saw(0, 99);
    a.consumer("g").saw(0, 59).at(0, 60, 60, committed ? 70 : 60);
    b.consumer("g").saw(70, 99).at(70, 100, 100, 100);
    h.deliver(p.report(kNow), kNow);
    h.deliver(a.close(kNow), kNow);
    h.deliver(b.report(kNow + kSecond), kNow + kSecond);
    live(h, log, {&p, &b}, kNow + kSecond, kNow + 8 * kSecond);
    EXPECT_EQ(h.findings("g"),
              Lines({committed ? "0:60-69 lost skipped" : "0:60-69 unconfirmed unaudited_member"}));
  }
}

TEST(VerifierTest, AVanishedReaderTaintsOnlyUpToTheNextReadersStart) {
  Harness h;
  FakeLog log;
  Process p(1), a(2), b(3);
  p.producer().saw(0, 199);
  a.consumer("g").saw(0, 59).at(0, 60, 60, 60);
  h.deliver(p.report(kNow), kNow);
  h.deliver(a.report(kNow), kNow);  // reads and commits up to 80, then dies
  b.consumer("g").saw(80, 99).saw(120, 199).at(80, 200, 200, 200);
  h.deliver(b.report(kNow + 3 * kSecond), kNow + 3 * kSecond);
  live(h, log, {&p, &b}, kNow + 3 * kSecond, kNow + 9 * kSecond);
  EXPECT_EQ(h.total("t", "g", "suspected"), 0) << "the silent one may still report";
  h.restart();
  live(h, log, {&p, &b}, kNow + 9 * kSecond, kNow + 20 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines({"0:60-79 unconfirmed reporter_vanished", "0:100-119 lost skipped"}));
  a.saw(60, 79).at(0, 80, 80, 80);  // it lives after all
  h.deliver(a.report(kNow + 21 * kSecond), kNow + 21 * kSecond);
  h.commit();
  EXPECT_EQ(h.findings("g"), Lines({"0:100-119 lost skipped"}));
}

TEST(VerifierTest, AReaderThatHandedOverBeforeItVanishedTaintsNothing) {
  Harness h;
  FakeLog log;
  Process p(1), a(2), b(3);
  p.producer().saw(0, 199);
  a.consumer("g").saw(0, 59).at(0, 60, 60, 60);
  h.deliver(p.report(kNow), kNow);
  h.deliver(a.report(kNow), kNow);
  b.consumer("g").saw(60, 99).saw(120, 199).at(60, 200, 200, 200);
  h.deliver(b.report(kNow), kNow);
  for (int i = 1; i <= 3; ++i) h.deliver(a.report(kNow + i * kSecond), kNow + i * kSecond);
  live(h, log, {&p, &b}, kNow + 3 * kSecond, kNow + 25 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines({"0:100-119 lost skipped"}));
}

TEST(VerifierTest, AMissingReportTaintsWhatItCanHaveTold) {
  Harness h;
  FakeLog log;
  Process p(1), c(2);
  p.producer().saw(0, 199);
  c.consumer("g").saw(0, 59).at(0, 60, 60, 60);
  h.deliver(p.report(kNow), kNow);
  h.deliver(c.report(kNow), kNow);
  tally::Report lost = c.saw(60, 79).at(0, 80, 80, 80).report(kNow + kSecond);
  c.saw(80, 99).saw(120, 199).at(0, 200, 200, 200);
  live(h, log, {&p, &c}, kNow + kSecond, kNow + 16 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines({"0:60-79 unconfirmed report_missing", "0:100-119 lost skipped"}));
  h.deliver(lost, kNow + 17 * kSecond);
  h.commit();
  EXPECT_EQ(h.findings("g"), Lines({"0:100-119 lost skipped"}));
}

TEST(VerifierTest, ARolloutThroughAGroupNeverCriesLost) {
  Harness h;
  FakeLog log;
  Process p(1), a(2);
  p.producer().saw(0, 299);
  a.consumer("g").saw(0, 99).at(0, 100, 100, 100);
  h.deliver(p.report(kNow), kNow);
  h.deliver(a.report(kNow), kNow);
  live(h, log, {&p, &a}, kNow, kNow + 3 * kSecond);
  // Another member without the plugin reads 100-199; then the partition comes back.
  a.saw(200, 299, "t", 0, 1, 2).at(200, 300, 300, 300, "t", 0, 1, 2);
  live(h, log, {&p, &a}, kNow + 3 * kSecond, kNow + 20 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines({"0:100-199 unconfirmed unaudited_member"}));
}

TEST(VerifierTest, ALongRangeIsReadAtBothEndsAndBySampleAndSaysSo) {
  for (bool mixed : {false, true}) {
    CollectorOptions options = Harness::defaults();
    options.verify.messages_max = 20'000;
    options.verify.bytes_per_second_max = 1 << 30;
    Harness h(options);
    FakeLog log;
    Process p(1), c(2);
    p.producer().saw(0, 49'999);
    c.consumer("g").saw(0, 99).saw(40'100, 49'999).at(0, 50'000, 50'000, 50'000);
    h.deliver(p.report(kNow), kNow);
    h.deliver(c.report(kNow), kNow);
    if (mixed) log.aborted.insert(150);
    live(h, log, {&p, &c}, kNow, kNow + (mixed ? 60 : 10) * kSecond);
    if (mixed) {
      EXPECT_EQ(h.findings("g").front(), "0:100-149 lost skipped");
      EXPECT_EQ(h.total("t", "g", "excused"), 1);
      EXPECT_EQ(h.total("t", "g", "lost"), 39'999);
    } else {
      EXPECT_EQ(h.findings("g"), Lines({"0:100-40099 lost skipped"}));
      EXPECT_LT(log.records, 25'000);
      const auto& [key, values] = *h.tables.table(finding_table()).begin();
      EXPECT_EQ(std::get<std::string>(values[Tables::index(finding_table(), "detail")]),
                "read at both ends and by sample");
    }
  }
}

TEST(VerifierTest, ThousandsOfScatteredRangesAreReadTogetherAndWithinTheBudget) {
  CollectorOptions options = Harness::defaults();
  options.verify.bytes_per_second_max = 100'000;
  Harness h(options);
  FakeLog log;
  Process p(1), c(2);
  constexpr int64_t kEnd = 20'000;
  p.producer().saw(0, kEnd - 1);
  c.consumer("g").saw(0, 0).at(0, kEnd, kEnd, kEnd);
  auto& seen = c.draft().coverage.back().seen;
  for (int64_t o = 2; o < kEnd; o += 2) seen.push_back({Offset(o), Offset(o + 1)});
  h.deliver(p.report(kNow), kNow);
  h.deliver(c.report(kNow), kNow);
  live(h, log, {&p, &c}, kNow, kNow + 60 * kSecond);
  EXPECT_EQ(h.total("t", "g", "lost"), kEnd / 2);
  EXPECT_LT(log.reads, 60);
}

}  // namespace
}  // namespace waybill::audit
