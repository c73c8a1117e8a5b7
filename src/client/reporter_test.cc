#include "client/reporter.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "client/client_fakes.h"
#include "tally/report_codec.h"

namespace waybill::client {
namespace {

constexpr int64_t kStart = 1'700'000'000'000;

struct Bed {
  Recorder recorder{60'000};
  FakeTransport transport;
  Now now{kStart, 5'000};
  Reporter reporter{recorder, transport, identity(), {}, now};
  ClientTally* producer = recorder.add_client(producer_info());
  int64_t next_offset = 0;

  static Identity identity() {
    Identity who;
    who.reporter.bytes[0] = 9;
    who.host = "h";
    who.service = "s";
    who.pid = 7;
    return who;
  }
  void pass(int64_t ms, int64_t step = 10) {
    for (int64_t gone = 0; gone < ms; gone += step) {
      now.wall_ms += step;
      now.steady_ms += step;
      reporter.tick(now);
    }
  }
  void ack(const char* topic, int count = 1) {
    for (int i = 0; i < count; ++i) {
      Message message{Offset(next_offset++), now.wall_ms, tally::kCreateTime, 1};
      producer->topic(nullptr, topic)->acked(PartitionId(0), message, 1, now.wall_ms);
    }
  }
  std::vector<tally::Report> arrived() const {
    std::vector<tally::Report> out;
    for (const auto& one : transport.arrived) {
      auto report = tally::decode_report(one.bytes);
      EXPECT_TRUE(report) << report.error().message;
      out.push_back(*report);
    }
    return out;
  }
};

uint64_t covered(const std::vector<tally::Report>& reports) {
  uint64_t sum = 0;
  for (const auto& report : reports) {
    for (const auto& chunk : report.coverage) {
      for (const auto& run : chunk.seen) sum += static_cast<uint64_t>(run.size());
    }
  }
  return sum;
}

TEST(Reporter, says_nothing_before_there_is_something_to_say) {
  Bed bed;
  bed.pass(10'000);
  EXPECT_TRUE(bed.transport.tried.empty());
}

TEST(Reporter, sends_a_report_to_the_partition_of_the_topic) {
  Bed bed;
  bed.ack("orders", 3);
  bed.pass(1'000);
  ASSERT_EQ(bed.transport.arrived.size(), 1u);
  EXPECT_EQ(bed.transport.arrived[0].partition, audit_partition("orders", 4));
  auto report = bed.arrived()[0];
  EXPECT_EQ(report.number, ReportNumber(1));
  EXPECT_EQ(report.cluster_id, "cluster");
  EXPECT_EQ(report.audit_partitions, 4);
  EXPECT_EQ(report.host, "h");
  EXPECT_EQ(report.service, "s");
  EXPECT_EQ(report.pid, 7u);
  EXPECT_EQ(report.from_ms, kStart);
  EXPECT_FALSE(report.closed);
  ASSERT_EQ(report.clients.size(), 1u);
  EXPECT_EQ(covered({report}), 3u);
}

TEST(Reporter, reports_each_second_while_something_changes_and_beats_every_two_when_idle) {
  Bed bed;
  for (int i = 0; i < 500; ++i) {
    bed.ack("orders");
    bed.pass(10);
  }
  size_t busy = bed.transport.arrived.size();
  EXPECT_GE(busy, 5u);
  EXPECT_LE(busy, 6u);
  bed.pass(10'000);
  size_t idle = bed.transport.arrived.size() - busy;
  EXPECT_GE(idle, 4u);
  EXPECT_LE(idle, 6u);
  auto reports = bed.arrived();
  EXPECT_EQ(covered(reports), 500u);
  EXPECT_TRUE(reports.back().entries.empty());
}

TEST(Reporter, tiles_time_without_gaps) {
  Bed bed;
  for (int i = 0; i < 30; ++i) {
    bed.ack("orders");
    bed.pass(700);
    if (i == 10) bed.now.wall_ms -= 3'600'000;  // the clock is set back
  }
  auto reports = bed.arrived();
  ASSERT_GT(reports.size(), 10u);
  int64_t up_to = kStart;
  uint64_t number = 1;
  for (const auto& report : reports) {
    EXPECT_EQ(report.number, ReportNumber(number++));
    EXPECT_EQ(report.from_ms, up_to);
    EXPECT_GT(report.complete_up_to_ms, report.from_ms);
    up_to = report.complete_up_to_ms;
  }
}

TEST(Reporter, sends_the_same_bytes_again_until_they_are_acknowledged) {
  Bed bed;
  int losses = 3;
  bed.transport.fate = [&losses](PartitionId) { return FakeTransport::Fate{true, losses-- <= 0, 0}; };
  bed.ack("orders");
  bed.pass(500);
  bed.ack("orders");
  bed.pass(2'000);
  ASSERT_GE(bed.transport.tried.size(), 5u);
  for (int i = 1; i < 4; ++i) EXPECT_EQ(bed.transport.tried[i].bytes, bed.transport.tried[0].bytes);
  EXPECT_NE(bed.transport.tried[4].bytes, bed.transport.tried[0].bytes);
  auto second = tally::decode_report(bed.transport.tried[4].bytes);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->number, ReportNumber(2));
  EXPECT_EQ(covered({*second}), 1u) << "what was seen meanwhile went into the next number";
}

TEST(Reporter, has_one_report_in_flight_per_partition_and_does_not_hold_up_others) {
  Bed bed;
  PartitionId slow = audit_partition("orders", 4);
  std::string other = "a";
  while (audit_partition(other, 4) == slow) other += "a";
  bed.transport.fate = [slow](PartitionId p) {
    return FakeTransport::Fate{true, true, p == slow ? 1'000'000 : 0};
  };
  for (int i = 0; i < 50; ++i) {
    bed.ack("orders");
    bed.ack(other.c_str());
    bed.pass(100);
  }
  EXPECT_EQ(bed.transport.most_in_flight, 1);
  size_t to_slow = 0;
  for (const auto& one : bed.transport.arrived) to_slow += one.partition == slow ? 1 : 0;
  EXPECT_EQ(to_slow, 1u);
  EXPECT_GE(bed.transport.arrived.size(), 5u);
}

TEST(Reporter, holds_in_each_report_all_that_was_recorded_before_the_last_acknowledgement) {
  // The barrier of the collector counts on it: n is acknowledged late, then n + 1 must not be older than
  // that.
  Bed bed;
  bed.transport.fate = [](PartitionId) { return FakeTransport::Fate{true, true, 150}; };  // 1.5 s
  uint64_t acked = 0;
  while (bed.transport.arrived.size() < 2) {
    bed.ack("orders");
    ++acked;
    bed.pass(10);
  }
  auto reports = bed.arrived();
  EXPECT_GT(bed.now.wall_ms, kStart + 1'500);
  EXPECT_EQ(covered(reports), acked);
  EXPECT_EQ(reports[1].complete_up_to_ms, bed.now.wall_ms);
}

TEST(Reporter, merges_while_there_is_no_audit_topic) {
  Bed bed;
  bed.transport.where.reset();
  for (int i = 0; i < 20; ++i) {
    bed.ack("orders");
    bed.pass(500);
  }
  EXPECT_TRUE(bed.transport.tried.empty());
  bed.transport.where = Destination{"cluster", 16};
  bed.pass(1'000);
  auto reports = bed.arrived();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].audit_partitions, 16);
  ASSERT_EQ(reports[0].coverage.size(), 1u);
  EXPECT_EQ(reports[0].coverage[0].seen.size(), 1u);
  EXPECT_EQ(covered(reports), 20u);
}

TEST(Reporter, bounds_what_waits_and_says_what_it_dropped) {
  Limits limits;
  limits.pending_runs = 50;
  Recorder recorder(60'000, limits);
  FakeTransport transport;
  transport.where.reset();
  Now now{kStart, 0};
  Reporter reporter(recorder, transport, Bed::identity(), {}, now);
  TopicTally* topic = recorder.add_client(producer_info())->topic(nullptr, "t");
  for (int i = 0; i < 200; ++i) {
    topic->acked(PartitionId(0), {Offset(i * 2), kStart, tally::kCreateTime, 1}, 1, kStart);
    now.steady_ms += 1000;
    reporter.tick(now);
  }
  transport.where = Destination{"cluster", 1};
  now.steady_ms += 1000;
  reporter.tick(now);
  ASSERT_EQ(transport.arrived.size(), 1u);
  auto report = tally::decode_report(transport.arrived[0].bytes);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->entries.at(0).bucket.count, 200u);
  EXPECT_EQ(report->dropped.coverage, 150u);
  EXPECT_EQ(covered({*report}), 50u);
}

TEST(Reporter, tells_every_partition_of_drops_that_have_no_topic) {
  Bed bed;
  bed.producer->drop(3);
  bed.pass(100);
  auto reports = bed.arrived();
  ASSERT_EQ(reports.size(), 4u);
  for (const auto& report : reports) EXPECT_EQ(report.dropped.messages, 3u);
}

TEST(Reporter, splits_what_is_too_large_into_numbers_of_its_own) {
  Bed bed;
  for (int i = 0; i < 200'000; ++i) {
    Message message{Offset(i * 1000), bed.now.wall_ms, tally::kCreateTime, 1};
    bed.producer->topic(nullptr, "orders")->acked(PartitionId(0), message, 1, bed.now.wall_ms);
  }
  bed.pass(3'000);
  auto reports = bed.arrived();
  ASSERT_GE(reports.size(), 2u);
  EXPECT_EQ(covered(reports), 200'000u);
  uint64_t number = 1;
  int64_t up_to = kStart;
  for (const auto& report : reports) {
    EXPECT_EQ(report.number, ReportNumber(number++));
    EXPECT_EQ(report.from_ms, up_to);
    up_to = report.complete_up_to_ms;
  }
  for (const auto& one : bed.transport.arrived) EXPECT_LE(one.bytes.size(), tally::kReportBytesMax);
}

TEST(Reporter, closes_every_partition_once_and_is_done_when_all_is_delivered) {
  Bed bed;
  for (const char* topic : {"a", "b", "c", "d", "e", "f"}) bed.ack(topic);
  bed.pass(1'500);
  bed.ack("a");
  bed.reporter.close(bed.now);
  bed.ack("a");  // too late to count
  EXPECT_FALSE(bed.reporter.done());
  bed.pass(100);
  EXPECT_TRUE(bed.reporter.done());
  std::map<PartitionId, int> closed;
  std::map<PartitionId, bool> last_closed;
  auto reports = bed.arrived();
  for (size_t i = 0; i < reports.size(); ++i) {
    closed[bed.transport.arrived[i].partition] += reports[i].closed ? 1 : 0;
    last_closed[bed.transport.arrived[i].partition] = reports[i].closed;
  }
  for (const auto& [partition, times] : closed) EXPECT_EQ(times, 1) << partition.value;
  for (const auto& [partition, is] : last_closed) EXPECT_TRUE(is) << partition.value;
  EXPECT_EQ(covered(reports), 7u);
  size_t before = bed.transport.tried.size();
  bed.pass(10'000);
  EXPECT_EQ(bed.transport.tried.size(), before);
}

TEST(Reporter, closes_after_the_report_in_flight) {
  Bed bed;
  bed.transport.fate = [](PartitionId) { return FakeTransport::Fate{true, true, 20}; };
  bed.ack("a");
  bed.pass(50);
  ASSERT_EQ(bed.transport.tried.size(), 1u);
  bed.reporter.close(bed.now);
  bed.pass(1'000);
  ASSERT_TRUE(bed.reporter.done());
  auto reports = bed.arrived();
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_FALSE(reports[0].closed);
  EXPECT_TRUE(reports[1].closed);
}

TEST(Reporter, flushes_without_waiting_for_the_interval) {
  Bed bed;
  bed.ack("a");
  bed.pass(20);
  bed.ack("a");
  bed.reporter.flush(bed.now);
  EXPECT_FALSE(bed.reporter.flushed());
  bed.pass(30);
  EXPECT_TRUE(bed.reporter.flushed());
  EXPECT_EQ(covered(bed.arrived()), 2u);
}

TEST(Reporter, tries_again_when_the_transport_takes_nothing) {
  Bed bed;
  bed.transport.accepts = false;
  bed.ack("a");
  bed.pass(3'000);
  EXPECT_TRUE(bed.transport.arrived.empty());
  bed.transport.accepts = true;
  bed.pass(500);
  EXPECT_EQ(covered(bed.arrived()), 1u);
}

}  // namespace
}  // namespace waybill::client
