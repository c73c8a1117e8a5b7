// Whatever the transport loses, delays, refuses or acknowledges twice over: the distinct reports that arrive
// add up to exactly what was recorded.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <tuple>

#include "base/hash.h"
#include "client/client_fakes.h"
#include "client/reporter.h"
#include "tally/report_codec.h"

namespace waybill::client {
namespace {

constexpr int64_t kStart = 1'700'000'000'000;
const char* const kTopics[] = {"a", "bb", "orders", "payments", "x.y"};

/// One step of a script: what to do and two numbers to do it with.
using Step = std::tuple<uint8_t, uint16_t, uint16_t>;

/// The plain model: every single hand-out and acknowledgement.
struct Model {
  std::map<std::tuple<uint32_t, std::string, int32_t, int64_t>, uint64_t>
      offsets;  ///< client, topic, partition, offset
  std::map<std::tuple<uint32_t, std::string, int64_t>, std::pair<uint64_t, uint64_t>>
      buckets;  ///< count, bytes
  std::map<std::tuple<uint32_t, std::string, int64_t>, std::pair<uint64_t, uint64_t>> minutes;
  std::map<std::tuple<uint32_t, std::string>, uint64_t> failed;
  std::map<std::tuple<uint32_t, std::string, int32_t>, std::pair<int64_t, int64_t>>
      positions;  ///< next, committed
  bool operator==(const Model&) const = default;
};

void add_report(Model& model, const tally::Report& report) {
  for (const auto& chunk : report.coverage) {
    auto& offsets = model.offsets;
    auto key = [&](Offset at) {
      return std::tuple(chunk.client, chunk.topic, chunk.partition.value, at.value);
    };
    for (const auto& run : chunk.seen) {
      for (Offset at = run.begin; at < run.end; ++at) ++offsets[key(at)];
    }
    for (const auto& repeat : chunk.again) {
      for (Offset at = repeat.range.begin; at < repeat.range.end; ++at) offsets[key(at)] += repeat.times;
    }
  }
  for (const auto& entry : report.entries) {
    if (entry.bucket.count > 0) {
      auto& [count, bytes] = model.buckets[{entry.client, entry.topic, entry.bucket.label.start.value}];
      count += entry.bucket.count;
      bytes += entry.bucket.bytes;
    }
    if (entry.bucket.failed_total()) model.failed[{entry.client, entry.topic}] += entry.bucket.failed_total();
  }
  for (const auto& rate : report.rates) {
    auto& [count, bytes] = model.minutes[{rate.client, rate.topic, rate.minute_ms}];
    count += rate.count;
    bytes += rate.bytes;
  }
  for (const auto& position : report.positions) {
    model.positions[{position.client, position.topic, position.partition.value}] = {position.next.value,
                                                                                    position.committed.value};
  }
}

class World {
 public:
  World() {
    transport_.fate = [this](PartitionId) { return fate_; };
    transport_.where.reset();
  }

  void step(const Step& step) {
    auto [what, a, b] = step;
    switch (what % 8) {
      case 0:
      case 1:
        return ack(a, b);
      case 2:
      case 3:
        return consume(a, b);
      case 4:
        return fail(a);
      case 5:
        return commit(a, b);
      case 6:
        return change_fate(a, b);
      default:
        return pass(a % 3'000);
    }
  }

  void finish() {
    fate_ = {};
    transport_.accepts = true;
    transport_.where = Destination{"cluster", 3};
    reporter_.close(now_);
    for (int i = 0; i < 2'000 && !reporter_.done(); ++i) pass(20);
    RC_ASSERT(reporter_.done());
  }

  /// The model of the distinct reports that arrived, after checking their numbers and bytes.
  Model received() {
    std::map<std::pair<PartitionId, ReportNumber>, std::string> distinct;
    std::map<PartitionId, uint64_t> highest;
    Model model;
    for (const auto& one : transport_.arrived) {
      auto report = tally::decode_report(one.bytes);
      RC_ASSERT(report.has_value());
      auto [known, fresh] = distinct.try_emplace({one.partition, report->number}, one.bytes);
      RC_ASSERT(known->second == one.bytes);
      if (!fresh) continue;
      RC_ASSERT(report->number.value == ++highest[one.partition]);
      for (const auto& entry : report->entries) RC_ASSERT(audit_partition(entry.topic, 3) == one.partition);
      RC_ASSERT(!report->dropped.any());
      add_report(model, *report);
    }
    RC_ASSERT(transport_.most_in_flight <= 1);
    return model;
  }
  const Model& sent() const { return model_; }

 private:
  const char* topic(uint16_t a) const { return kTopics[a % std::size(kTopics)]; }

  void count(ClientTally* client, const char* name, int32_t partition, int64_t offset, uint64_t bytes) {
    ++model_.offsets[{client->info().ref, name, partition, offset}];
    auto add = [bytes](std::pair<uint64_t, uint64_t>& sum) {
      ++sum.first;
      sum.second += bytes;
    };
    add(model_.buckets[{client->info().ref, name, now_.wall_ms / 60'000 * 60'000}]);
    add(model_.minutes[{client->info().ref, name, now_.wall_ms / 60'000 * 60'000}]);
  }
  void ack(uint16_t a, uint16_t b) {
    Message message{Offset(b % 50), now_.wall_ms, tally::kCreateTime, b};
    producer_->topic(nullptr, topic(a))->acked(PartitionId(a % 3), message, 1, now_.wall_ms);
    count(producer_, topic(a), a % 3, b % 50, b);
  }
  void consume(uint16_t a, uint16_t b) {
    if (b % 11 == 0) consumer_->rebalanced();
    Message message{Offset(b % 50), now_.wall_ms, tally::kCreateTime, b};
    consumer_->topic(nullptr, topic(a))->consumed(PartitionId(a % 3), message, now_.wall_ms);
    count(consumer_, topic(a), a % 3, b % 50, b);
    auto& position =
        model_.positions.try_emplace({consumer_->info().ref, topic(a), a % 3}, -1, -1).first->second;
    position.first = b % 50 + 1;
  }
  void fail(uint16_t a) {
    producer_->topic(nullptr, topic(a))->failed(-192, now_.wall_ms, tally::kCreateTime, now_.wall_ms);
    ++model_.failed[{producer_->info().ref, topic(a)}];
  }
  void commit(uint16_t a, uint16_t b) {
    consumer_->topic(nullptr, topic(a))->committed(PartitionId(a % 3), Offset(b));
    model_.positions.try_emplace({consumer_->info().ref, topic(a), a % 3}, -1, -1).first->second.second = b;
  }
  void change_fate(uint16_t a, uint16_t b) {
    fate_ = {a % 4 != 0, a % 3 != 0, b % 40};
    transport_.accepts = b % 5 != 0;
    if (b % 7 == 0) transport_.where = Destination{"cluster", 3};
  }
  void pass(int64_t ms) {
    for (int64_t gone = 0; gone < ms; gone += 20) {
      now_.wall_ms += 20;
      now_.steady_ms += 20;
      reporter_.tick(now_);
    }
  }

  static Identity identity() {
    Identity who;
    who.reporter.bytes[3] = 1;
    return who;
  }

  Recorder recorder_{60'000};
  FakeTransport transport_;
  FakeTransport::Fate fate_;
  Now now_{kStart, 100};
  Reporter reporter_{recorder_, transport_, identity(), {}, now_};
  ClientTally* producer_ = recorder_.add_client(producer_info());
  ClientTally* consumer_ = recorder_.add_client(consumer_info());
  Model model_;
};

RC_GTEST_PROP(ReporterProperty, distinct_reports_add_up_to_what_was_recorded,
              (const std::vector<Step>& script)) {
  World world;
  for (const Step& step : script) world.step(step);
  world.finish();
  RC_ASSERT(world.received() == world.sent());
}

}  // namespace
}  // namespace waybill::client
