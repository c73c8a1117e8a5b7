// Lag, incarnations, and how much the collector keeps.

#include <gtest/gtest.h>

#include "audit/collector_harness.h"

namespace waybill::audit {
namespace {

using namespace harness;
using Lines = std::vector<std::string>;
constexpr int64_t kSecond = 1000;

/// The newest ask of this kind; its id is 0 when there is none.
flow::Ask last_ask(const Harness& h, flow::Ask::Kind kind) {
  for (auto it = h.asks.rbegin(); it != h.asks.rend(); ++it) {
    if (it->kind == kind) return *it;
  }
  return {};
}

flow::Answer bounds(const flow::Ask& ask, int64_t start, int64_t end) {
  return {ask.id, flow::Bounds{Offset(start), Offset(end)}};
}

flow::Answer record(const flow::Ask& ask, int64_t offset, int64_t time_ms) {
  flow::RangeAnswer answer;
  answer.records.push_back({Offset(offset), time_ms, flow::TimeType::kCreate, 10, {}, {}});
  return {ask.id, answer};
}

TEST(CollectorLagTest, AsksForTheEndAndReadsExactlyTheFirstUnreadMessage) {
  Harness h;
  Process p(1), c(2);
  p.producer().saw(0, 99);
  c.consumer("g").saw(0, 59).at(0, 60, 60, 50);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.deliver(c.report(kStart + kSecond), kStart + kSecond);
  h.quiet_until(kStart + kSecond);
  h.commit();
  flow::Ask ask = last_ask(h, flow::Ask::Kind::kBounds);
  EXPECT_EQ(ask.partition, (flow::SourcePartition{"main", "t", PartitionId(0)}));
  h.answer(bounds(ask, 0, 120));
  h.commit();
  EXPECT_EQ(h.total("t", "g", "log_end"), 120);
  EXPECT_EQ(h.total("t", "g", "next_offset"), 60);
  EXPECT_EQ(h.total("t", "g", "committed_offset"), 50);
  flow::Ask read = last_ask(h, flow::Ask::Kind::kRead);
  EXPECT_EQ(read.range, (OffsetRange{Offset(50), Offset(120)}))
      << "from what is committed, because the group commits";
  EXPECT_EQ(read.limits.messages_max, 1);
  h.answer(record(read, 51, kStart - 5 * kSecond));
  h.commit();
  EXPECT_EQ(h.total("t", "g", "oldest_unread_ms"), kStart - 5 * kSecond);
  size_t asked = h.asks.size();
  h.quiet_until(kStart + 5 * kSecond);
  h.commit();
  EXPECT_EQ(h.asks.size(), asked) << "a round every lag_every_ms";
  h.quiet_until(kStart + 6 * kSecond);
  h.commit();
  EXPECT_EQ(h.asks.size(), asked + 1);
  c.saw(60, 119).at(0, 120, 120, 120);
  h.deliver(c.report(kStart + 6 * kSecond), kStart + 6 * kSecond);
  h.answer(bounds(last_ask(h, flow::Ask::Kind::kBounds), 0, 120));
  h.commit();
  EXPECT_EQ(h.total("t", "g", "oldest_unread_ms"), 0) << "nothing is unread";
}

TEST(CollectorLagTest, AnAnswerOfAnEarlierLifeIsIgnored) {
  Harness h;
  Process p(1);
  h.deliver(p.producer().saw(0, 99).report(kStart + kSecond), kStart + kSecond);
  h.quiet_until(kStart + kSecond);
  h.commit();
  flow::Ask ask = last_ask(h, flow::Ask::Kind::kBounds);
  h.restart();
  h.answer(bounds(ask, 0, 120));
  h.commit();
  EXPECT_EQ(h.total("t", "", "log_end"), -1);
  h.quiet_until(kStart + 2 * kSecond);
  h.commit();
  h.answer(bounds(last_ask(h, flow::Ask::Kind::kBounds), 0, 130));
  h.commit();
  EXPECT_EQ(h.total("t", "", "log_end"), 130) << "and it asks again by itself";
}

/// Produces and consumes 0-99, then the log is found to end at 10, its first record being of `first_time_ms`.
std::unique_ptr<Harness> shorter_log(Process& p, Process& c, int64_t first_time_ms) {
  auto h = std::make_unique<Harness>();
  p.producer().saw(0, 99);
  c.consumer("g").saw(0, 89).at(0, 90, 90);
  h->deliver(p.report(kStart + kSecond), kStart + kSecond);
  h->deliver(c.report(kStart + kSecond), kStart + kSecond);
  h->quiet_until(kStart + kSecond);
  h->commit();
  h->answer(bounds(last_ask(*h, flow::Ask::Kind::kBounds), 0, 10));
  h->commit();
  flow::Ask read = last_ask(*h, flow::Ask::Kind::kRead);
  EXPECT_EQ(read.range, (OffsetRange{Offset(0), Offset(10)}));
  h->answer(record(read, 0, first_time_ms));
  h->commit();
  h->restart();
  p.saw(0, 9);
  c.saw(0, 9, "t", 0, 1, 2).at(0, 10, 10, -1, "t", 0, 1, 2);
  h->deliver(p.report(kStart + 200 * kSecond), kStart + 200 * kSecond);
  h->deliver(c.report(kStart + 200 * kSecond), kStart + 200 * kSecond);
  h->commit();
  return h;
}

TEST(CollectorLagTest, ALogThatBeginsAnewWithANewerRecordIsANewIncarnation) {
  Process p(1), c(2);
  auto h = shorter_log(p, c, kStart + 100 * kSecond);
  EXPECT_EQ(h->findings("g"), Lines()) << "reading 0-9 of the new log is no redelivery";
  auto distinct = [&](int64_t incarnation) {
    return h->tables.sum(partition_table(),
                         {std::string("main"), std::string("t"), incarnation, int64_t{0}, std::string("g")},
                         "distinct_offsets");
  };
  EXPECT_EQ(distinct(0), 90);
  EXPECT_EQ(distinct(1), 10);
}

TEST(CollectorLagTest, ALogThatIsMerelyShorterIsNot) {
  Process p(1), c(2);
  auto h = shorter_log(p, c, kStart + 5 * kSecond);
  EXPECT_EQ(h->findings("g"), Lines({"0:0-9 redelivered handover x1", "0:90-99 pending"}));
  EXPECT_EQ(h->counter("claimed_twice"), 10);
}

TEST(CollectorSizeTest, StateGrowsWithGapsAndOpenBucketsNotWithMessages) {
  Harness h;
  Process p(1), c(2);
  p.producer();
  c.consumer("g");
  size_t early = 0;
  for (int64_t s = 1; s <= 600; ++s) {
    int64_t t = kStart + s * kSecond;
    p.saw(s * 1000, s * 1000 + 999, "t", 0, 1, 0, Process::label(t));
    c.saw(s * 1000, s * 1000 + 999, "t", 0, 1, 1, Process::label(t))
        .at(1000, s * 1000 + 1000, s * 1000 + 1000);
    h.deliver(p.report(t), t);
    h.deliver(c.report(t), t);
    h.quiet_until(t);
    h.commit();
    if (s == 200) early = h.segments.total();
  }
  // The log of operations is bounded, and what lies under it does not grow.
  EXPECT_LT(h.segments.total(), early + 300'000);
  h.restart();
  EXPECT_EQ(h.total("t", "g", "distinct_offsets"), 600'000);
}

TEST(CollectorSizeTest, AHundredThousandGapsDoNotRewriteThemselvesAtEachCommit) {
  Harness h;
  Process p(1), c(2);
  p.producer();
  c.consumer("g");
  constexpr int64_t kPerReport = 2000;
  int64_t t = kStart;
  for (int64_t at = 0; at < 200'000; at += kPerReport) {  // every second offset is skipped
    p.saw(at, at + kPerReport - 1);
    c.saw(at, at).at(0, at + kPerReport - 1, at + kPerReport - 1);
    auto& seen = c.draft().coverage.back().seen;
    for (int64_t o = at + 2; o < at + kPerReport; o += 2) seen.push_back({Offset(o), Offset(o + 1)});
    t += kSecond;
    h.deliver(p.report(t), t);
    h.deliver(c.report(t), t);
    h.quiet_until(t);
    h.commit();
  }
  size_t written = h.segments.written();
  for (int i = 0; i < 200; ++i) {  // 40 s of commits that each touch one gap
    c.saw(i * 100 + 1, i * 100 + 1).at(0, 1, 200'000);
    t += 200;
    h.deliver(c.report(t), t);
    h.deliver(p.report(t), t);
    h.quiet_until(t);
    h.commit();
  }
  EXPECT_EQ(h.total("t", "g", "suspected"), 100'000 - 200);
  EXPECT_LT(h.segments.written() - written, 2'000'000u);
  EXPECT_LE(h.segments.largest(), flow::kSegmentBytesMax);
  h.restart();
  c.saw(99'999, 99'999).at(0, 1, 200'000);
  h.deliver(c.report(t + kSecond), t + kSecond);
  h.commit();
  EXPECT_EQ(h.total("t", "g", "suspected"), 100'000 - 201);
}

TEST(CollectorSizeTest, TransactionMarkersDoNotMakeTheStateGrow) {
  Harness h;
  Process p(1), c(2);
  p.producer();
  c.consumer("g");
  int64_t t = kStart;
  for (int64_t at = 0; at < 400'000; at += 2000) {  // every tenth offset is a marker that nobody sees
    p.saw(at, at + 8);
    c.saw(at, at + 8).at(0, at + 1999, at + 1999);
    for (int64_t o = at + 10; o < at + 2000; o += 10) {
      p.draft().coverage.back().seen.push_back({Offset(o), Offset(o + 9)});
      c.draft().coverage.back().seen.push_back({Offset(o), Offset(o + 9)});
    }
    t += kSecond;
    h.deliver(p.report(t), t);
    h.deliver(c.report(t), t);
    h.quiet_until(t);
    h.commit();
  }
  EXPECT_EQ(h.total("t", "g", "suspected") + h.total("t", "g", "pending") + h.total("t", "g", "unaudited"),
            0);
  EXPECT_EQ(h.total("t", "g", "distinct_offsets"), 360'000);
  EXPECT_LT(h.segments.total(), 600'000u);
}

}  // namespace
}  // namespace waybill::audit
