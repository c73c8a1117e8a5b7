#include "client/recorder.h"

#include <gtest/gtest.h>

#include <thread>

#include "client/client_fakes.h"

namespace waybill::client {
namespace {

using tally::BucketKind;
using tally::BucketLabel;
using tally::kAppendTime;
using tally::kCreateTime;
using tally::TierKind;

constexpr int64_t kBucket = 60'000;
constexpr int64_t kNow = 1'700'000'040'000;  // a multiple of a minute

Message at(int64_t offset, int64_t time_ms = kNow) { return {Offset(offset), time_ms, kCreateTime, 10}; }
OffsetRange range(int64_t begin, int64_t end) { return {Offset(begin), Offset(end)}; }

const tally::Bucket* bucket_of(const tally::Report& report, TierKind kind, BucketLabel label) {
  for (const auto& entry : report.entries) {
    if (entry.tier.kind == kind && entry.bucket.label == label) return &entry.bucket;
  }
  return nullptr;
}

struct Fixture {
  Recorder recorder{kBucket};
  ClientTally* producer = recorder.add_client(producer_info());
  ClientTally* consumer = recorder.add_client(consumer_info());
  TopicTally& sends() { return *producer->topic(nullptr, "orders"); }
  TopicTally& reads() { return *consumer->topic(nullptr, "orders"); }
};

TEST(Recorder, counts_a_sent_message_by_its_create_time) {
  Fixture f;
  f.sends().sent(kNow + 1, 100, kNow);
  f.sends().sent(kNow + 59'999, 50, kNow);
  f.sends().sent(kNow + 60'000, 7, kNow);
  auto report = drain_all(f.recorder);
  ASSERT_EQ(report.entries.size(), 2u);
  EXPECT_EQ(report.entries[0].tier.kind, TierKind::kSent);
  EXPECT_EQ(report.entries[0].bucket.label.start.value, kNow);
  EXPECT_EQ(report.entries[0].bucket.count, 2u);
  EXPECT_EQ(report.entries[0].bucket.bytes, 150u);
  EXPECT_EQ(report.entries[1].bucket.label.start.value, kNow + 60'000);
  EXPECT_EQ(report.entries[1].bucket.count, 1u);
  EXPECT_TRUE(report.coverage.empty());
}

TEST(Recorder, counts_a_send_without_the_time_of_day_only_into_a_bucket_in_use) {
  Fixture f;
  EXPECT_FALSE(f.sends().sent(kNow, 1));
  f.sends().sent(kNow, 1, kNow);
  EXPECT_TRUE(f.sends().sent(kNow + 59'999, 1));
  EXPECT_FALSE(f.sends().sent(kNow + 60'000, 1));
  EXPECT_FALSE(f.sends().sent(-1, 1));
  EXPECT_EQ(drain_all(f.recorder).entries.at(0).bucket.count, 2u);
  EXPECT_FALSE(f.sends().sent(kNow, 1)) << "a drain ends all buckets";
}

TEST(Recorder, covers_acknowledged_offsets_as_runs) {
  Fixture f;
  for (int64_t offset : {5, 6, 7, 10, 11, 8}) f.sends().acked(PartitionId(2), at(offset), 3, kNow + 3);
  auto report = drain_all(f.recorder);
  ASSERT_EQ(report.coverage.size(), 1u);
  EXPECT_EQ(report.coverage[0].partition, PartitionId(2));
  EXPECT_EQ(report.coverage[0].seen, (std::vector{range(5, 9), range(10, 12)}));
  EXPECT_TRUE(report.coverage[0].again.empty());
  ASSERT_EQ(report.entries.size(), 1u);
  EXPECT_EQ(report.entries[0].bucket.count, 6u);
  EXPECT_EQ(report.entries[0].bucket.bytes, 60u);
  EXPECT_EQ(report.entries[0].bucket.latency.sum(), 18);
  ASSERT_EQ(report.rates.size(), 1u);
  EXPECT_EQ(report.rates[0].minute_ms, kNow);
  EXPECT_EQ(report.rates[0].count, 6u);
  EXPECT_TRUE(report.positions.empty());
}

TEST(Recorder, takes_no_offset_that_is_negative_or_continues_a_run_that_began_below_zero) {
  Fixture f;
  for (int64_t offset = -1001; offset < 3999; ++offset) f.sends().acked(PartitionId(0), at(offset), 1, kNow);
  f.sends().acked(PartitionId(0), at(7000), 1, kNow);
  auto report = drain_all(f.recorder);
  ASSERT_EQ(report.coverage.size(), 1u);
  EXPECT_EQ(report.coverage[0].seen, (std::vector{range(7000, 7001)}));
  ASSERT_EQ(report.entries.size(), 1u);
  EXPECT_EQ(report.entries[0].bucket.count, 5001u);
  EXPECT_EQ(report.entries[0].bucket.offset_unknown, 5000u);
}

TEST(Recorder, remembers_a_false_run_across_drains) {
  Fixture f;
  f.sends().acked(PartitionId(0), at(-2), 1, kNow);
  f.sends().acked(PartitionId(0), at(-1), 1, kNow);
  drain_all(f.recorder);
  f.sends().acked(PartitionId(0), at(0), 1, kNow);
  auto report = drain_all(f.recorder);
  EXPECT_TRUE(report.coverage.empty());
  EXPECT_EQ(report.entries.at(0).bucket.offset_unknown, 1u);
}

TEST(Recorder, breaks_a_run_where_the_bucket_changes) {
  Fixture f;
  f.reads().consumed(PartitionId(0), at(0, kNow), kNow);
  f.reads().consumed(PartitionId(0), at(1, kNow + kBucket), kNow);
  f.reads().consumed(PartitionId(0), at(2, kNow + 1), kNow);
  auto report = drain_all(f.recorder);
  ASSERT_EQ(report.coverage.size(), 2u);
  EXPECT_EQ(report.coverage[0].label.start.value, kNow);
  EXPECT_EQ(report.coverage[0].seen, (std::vector{range(0, 1), range(2, 3)}));
  EXPECT_EQ(report.coverage[1].label.start.value, kNow + kBucket);
  EXPECT_EQ(report.coverage[1].seen, (std::vector{range(1, 2)}));
}

TEST(Recorder, puts_times_out_of_range_into_far_and_messages_without_time_into_untimed) {
  Fixture f;
  const int64_t day = 24LL * 3600 * 1000;
  f.reads().consumed(PartitionId(0), at(0, kNow - 7 * day), kNow);
  f.reads().consumed(PartitionId(0), at(1, kNow - 7 * day - 1), kNow);
  f.reads().consumed(PartitionId(0), at(2, kNow + kFutureMs), kNow);
  f.reads().consumed(PartitionId(0), at(3, kNow + kFutureMs + kBucket), kNow);
  f.reads().consumed(PartitionId(0), at(4, -1), kNow);
  f.reads().consumed(PartitionId(0), at(5, 0), kNow);
  auto report = drain_all(f.recorder);
  const auto* far = bucket_of(report, TierKind::kConsumed, {BucketKind::kFar, {}});
  const auto* untimed = bucket_of(report, TierKind::kConsumed, {BucketKind::kUntimed, {}});
  ASSERT_TRUE(far && untimed);
  EXPECT_EQ(far->count, 3u);
  EXPECT_EQ(untimed->count, 1u);
  EXPECT_EQ(untimed->time_types, 0);
  EXPECT_TRUE(untimed->latency.empty());
  EXPECT_EQ(report.entries.size(), 4u);
  uint64_t covered = 0;
  for (const auto& chunk : report.coverage) {
    for (const auto& run : chunk.seen) covered += static_cast<uint64_t>(run.size());
  }
  EXPECT_EQ(covered, 6u);
}

TEST(Recorder, caps_open_buckets_but_never_coverage) {
  Fixture f;
  for (int64_t i = 0; i < 100; ++i) {
    f.reads().consumed(PartitionId(i % 3), at(i, kNow - i * kBucket), kNow);
    f.sends().sent(kNow - i * kBucket, 1, kNow);
  }
  auto report = drain_all(f.recorder);
  uint64_t read = 0;
  uint64_t sent = 0;
  size_t read_buckets = 0;
  for (const auto& entry : report.entries) {
    (entry.tier.kind == TierKind::kSent ? sent : read) += entry.bucket.count;
    read_buckets += entry.tier.kind == TierKind::kConsumed ? 1 : 0;
  }
  EXPECT_EQ(read, 100u);
  EXPECT_EQ(sent, 100u);
  EXPECT_LE(read_buckets, 65u);
  tally::Coverage all;
  for (const auto& chunk : report.coverage) {
    for (const auto& run : chunk.seen) {
      if (chunk.partition == PartitionId(0)) all.insert(run);
    }
  }
  EXPECT_EQ(all.size(), 34);
  EXPECT_FALSE(report.dropped.any());
}

TEST(Recorder, shows_offsets_that_were_handed_out_again_with_how_often) {
  Fixture f;
  for (int64_t offset : {0, 1, 2, 3, 1, 2, 2, 4}) f.reads().consumed(PartitionId(0), at(offset), kNow);
  auto report = drain_all(f.recorder);
  ASSERT_EQ(report.coverage.size(), 1u);
  EXPECT_EQ(report.coverage[0].seen, (std::vector{range(0, 5)}));
  std::vector<tally::Repeat> want{{range(1, 2), 1}, {range(2, 3), 2}};
  EXPECT_EQ(report.coverage[0].again, want);
}

TEST(Recorder, tells_where_a_reader_stands) {
  Fixture f;
  f.reads().consumed(PartitionId(1), at(10, kNow + 1), kNow);
  f.reads().consumed(PartitionId(1), at(11, kNow + 2), kNow);
  f.reads().consumed(PartitionId(1), at(10, kNow + 1), kNow);
  f.reads().committed(PartitionId(1), Offset(11));
  auto report = drain_all(f.recorder);
  ASSERT_EQ(report.positions.size(), 1u);
  const auto& position = report.positions[0];
  EXPECT_EQ(position.session, 1u);
  EXPECT_EQ(position.session_first, Offset(10));
  EXPECT_EQ(position.next, Offset(11));
  EXPECT_EQ(position.high, Offset(12));
  EXPECT_EQ(position.committed, Offset(11));
  EXPECT_EQ(position.last_time_ms, kNow + 2);
  EXPECT_TRUE(drain_all(f.recorder).positions.empty()) << "nothing moved since";
}

TEST(Recorder, begins_a_new_session_at_a_rebalance) {
  Fixture f;
  f.reads().consumed(PartitionId(0), at(0), kNow);
  f.consumer->rebalanced();
  f.reads().consumed(PartitionId(0), at(1), kNow);
  f.reads().consumed(PartitionId(0), at(0), kNow);
  auto report = drain_all(f.recorder);
  ASSERT_EQ(report.coverage.size(), 2u);
  EXPECT_EQ(report.coverage[0].session, 1u);
  EXPECT_EQ(report.coverage[0].seen, (std::vector{range(0, 1)}));
  EXPECT_EQ(report.coverage[1].session, 2u);
  EXPECT_EQ(report.coverage[1].seen, (std::vector{range(0, 2)}));
  ASSERT_EQ(report.positions.size(), 1u);
  EXPECT_EQ(report.positions[0].session, 2u);
  EXPECT_EQ(report.positions[0].session_first, Offset(1));
  EXPECT_EQ(report.positions[0].high, Offset(2));
  EXPECT_EQ(report.positions[0].next, Offset(1));
}

TEST(Recorder, reports_a_commit_where_nothing_was_read) {
  Fixture f;
  f.reads().committed(PartitionId(3), Offset(42));
  f.reads().committed(PartitionId(4), Offset(-1001));
  auto report = drain_all(f.recorder);
  ASSERT_EQ(report.positions.size(), 1u);
  EXPECT_EQ(report.positions[0].partition, PartitionId(3));
  EXPECT_EQ(report.positions[0].committed, Offset(42));
  EXPECT_EQ(report.positions[0].next, Offset(-1));
  EXPECT_EQ(report.positions[0].session, 1u);
}

TEST(Recorder, counts_failures_by_code_and_unknown_outcomes_apart) {
  Fixture f;
  f.sends().failed(-192, kNow, kCreateTime, kNow);
  f.sends().failed(-192, kNow, kCreateTime, kNow);
  f.sends().failed(10, kNow, kCreateTime, kNow);
  f.sends().unknown(kNow, kCreateTime, kNow);
  auto report = drain_all(f.recorder);
  ASSERT_EQ(report.entries.size(), 1u);
  const auto& bucket = report.entries[0].bucket;
  EXPECT_EQ(bucket.failed, (std::map<int32_t, uint64_t>{{-192, 2}, {10, 1}}));
  EXPECT_EQ(bucket.unknown, 1u);
  EXPECT_EQ(bucket.count, 0u);
}

TEST(Recorder, counts_latency_below_zero_apart) {
  Fixture f;
  f.reads().consumed(PartitionId(0), at(0, kNow + 500), kNow);
  f.reads().consumed(PartitionId(0), at(1, kNow - 20), kNow);
  auto report = drain_all(f.recorder);
  const auto* bucket = bucket_of(report, TierKind::kConsumed, {BucketKind::kNormal, BucketStart(kNow)});
  ASSERT_TRUE(bucket);
  EXPECT_EQ(bucket->latency.negative(), 1u);
}

TEST(Recorder, calls_sends_without_an_outcome_unknown_when_the_client_is_gone) {
  Fixture f;
  for (int i = 0; i < 10; ++i) f.sends().sent(kNow + i, 1, kNow);
  for (int i = 0; i < 4; ++i) f.sends().acked(PartitionId(0), at(i), 1, kNow);
  f.sends().failed(-192, kNow, kCreateTime, kNow);
  f.sends().unknown(kNow, kCreateTime, kNow);
  std::atomic<ClientTally*> handle{f.producer};
  f.recorder.close_client(f.producer, &handle);
  Pending pending(f.recorder.limits());
  f.recorder.drain(pending);
  f.recorder.sweep(pending);
  EXPECT_EQ(handle.load(), f.producer) << "outcomes may still come";
  f.sends().acked(PartitionId(0), at(4), 1, kNow);
  f.recorder.drain(pending);
  f.recorder.sweep(pending, true);
  EXPECT_EQ(handle.load(), nullptr);
  tally::Report report;
  pending.take(PartitionId(0), 1, report);
  const auto* bucket = bucket_of(report, TierKind::kProduced, {BucketKind::kNormal, BucketStart(kNow)});
  ASSERT_TRUE(bucket);
  EXPECT_EQ(bucket->count, 5u);
  EXPECT_EQ(bucket->unknown, 1u + 3u);
  EXPECT_EQ(bucket->failed_total(), 1u);
}

TEST(Recorder, forgets_a_closed_client_only_after_its_outcomes_and_a_grace) {
  Fixture f;
  f.sends().sent(kNow, 1, kNow);
  f.sends().acked(PartitionId(0), at(0), 1, kNow);
  f.recorder.close_client(f.producer);
  f.recorder.close_client(f.consumer);
  Pending pending(f.recorder.limits());
  EXPECT_FALSE(f.recorder.all_settled()) << "nothing drained yet";
  EXPECT_EQ(f.recorder.open_client_count(), 0u);
  f.recorder.drain(pending);
  EXPECT_TRUE(f.recorder.all_settled());
  for (uint32_t i = 0; i < Recorder::kGrace; ++i) {
    f.recorder.sweep(pending);
    EXPECT_EQ(f.recorder.client_count(), 2u) << i;
  }
  f.recorder.sweep(pending);
  EXPECT_EQ(f.recorder.client_count(), 0u);
}

TEST(Recorder, gives_up_waiting_for_outcomes_at_last) {
  Fixture f;
  f.sends().sent(kNow, 1, kNow);
  f.recorder.close_client(f.producer);
  Pending pending(f.recorder.limits());
  for (uint32_t i = 0; i < Recorder::kPatience + Recorder::kGrace; ++i) {
    f.recorder.drain(pending);
    f.recorder.sweep(pending);
  }
  EXPECT_EQ(f.recorder.client_count(), 1u);
  tally::Report report;
  pending.take(PartitionId(0), 1, report);
  const auto* bucket = bucket_of(report, TierKind::kProduced, {BucketKind::kNormal, BucketStart(kNow)});
  ASSERT_TRUE(bucket);
  EXPECT_EQ(bucket->unknown, 1u);
}

TEST(Recorder, finds_a_topic_by_name_whatever_the_hint) {
  Fixture f;
  int handle = 0;
  TopicTally* first = f.producer->topic(&handle, "one");
  EXPECT_EQ(f.producer->topic(&handle, "two")->name(), "two") << "the address was used again";
  EXPECT_EQ(f.producer->topic(&handle, "one"), first);
  EXPECT_EQ(f.producer->topic(nullptr, "one"), first);
}

TEST(Recorder, drops_and_counts_what_exceeds_a_limit) {
  Limits limits;
  limits.clients = 1;
  limits.topics = 1;
  limits.partitions = 2;
  limits.runs = 3;
  Recorder recorder(kBucket, limits);
  ClientTally* client = recorder.add_client(producer_info());
  EXPECT_EQ(recorder.add_client(producer_info()), nullptr);
  TopicTally* topic = client->topic(nullptr, "a");
  EXPECT_EQ(client->topic(nullptr, "b"), nullptr);
  client->drop(5);
  EXPECT_TRUE(topic->acked(PartitionId(0), at(0), 1, kNow));
  EXPECT_TRUE(topic->acked(PartitionId(1), at(0), 1, kNow));
  EXPECT_FALSE(topic->acked(PartitionId(2), at(0), 1, kNow));
  EXPECT_FALSE(topic->acked(PartitionId(-5), at(0), 1, kNow));
  topic->acked(PartitionId(0), at(2), 1, kNow);
  topic->acked(PartitionId(0), at(4), 1, kNow);
  topic->acked(PartitionId(0), at(5), 1, kNow);
  auto report = drain_all(recorder);
  EXPECT_EQ(report.dropped.messages, 1u + 5u + 2u);
  EXPECT_EQ(report.dropped.topics, 1u);
  EXPECT_EQ(report.dropped.coverage, 2u);
  ASSERT_EQ(report.coverage.size(), 2u);
  EXPECT_EQ(report.coverage[0].seen, (std::vector{range(0, 1), range(2, 3)}));
  topic->acked(PartitionId(0), at(6), 1, kNow);
  EXPECT_EQ(drain_all(recorder).coverage.size(), 1u) << "the room is back after a drain";
}

TEST(Recorder, loses_nothing_when_threads_count_while_it_drains) {
  Fixture f;
  constexpr int kThreads = 4;
  constexpr int64_t kEach = 20'000;
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&f, &running, t] {
      for (int64_t i = 0; i < kEach; ++i) {
        f.producer->topic(&f, "orders")->sent(kNow + i, 2, kNow);
        f.sends().acked(PartitionId(t), at(i), 1, kNow);
        f.reads().consumed(PartitionId(9), at(t * kEach + i), kNow);
        if (i % 1000 == 0) f.consumer->rebalanced();
      }
      --running;
    });
  }
  Pending pending(f.recorder.limits());
  while (running.load() > 0) f.recorder.drain(pending);
  for (auto& thread : threads) thread.join();
  f.recorder.drain(pending);
  tally::Report report;
  pending.take(PartitionId(0), 1, report);
  std::map<TierKind, uint64_t> counts;
  for (const auto& entry : report.entries) counts[entry.tier.kind] += entry.bucket.count;
  for (TierKind kind : {TierKind::kSent, TierKind::kProduced, TierKind::kConsumed}) {
    EXPECT_EQ(counts[kind], static_cast<uint64_t>(kThreads * kEach));
  }
  tally::Coverage read;
  for (const auto& chunk : report.coverage) {
    if (chunk.tier.kind == TierKind::kProduced) {
      EXPECT_EQ(chunk.seen, (std::vector{range(0, kEach)}));
    } else {
      for (const auto& run : chunk.seen) read.insert(run);
      EXPECT_TRUE(chunk.again.empty());
    }
  }
  EXPECT_EQ(read.runs(), (std::vector{range(0, kThreads * kEach)}));
  EXPECT_FALSE(report.dropped.any());
}

}  // namespace
}  // namespace waybill::client
