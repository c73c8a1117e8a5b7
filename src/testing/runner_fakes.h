#pragma once
// What a test puts around a flow::Runner: a broker that is a list of records, a source that follows a
// script, a store that fails on demand, and a Task that counts. Everything runs on one thread and a fake
// clock, so a test is a plain sequence.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "flow/runner.h"
#include "testing/fake_clock.h"

namespace waybill::testing {

using flow::Answer;
using flow::Assignments;
using flow::Batch;
using flow::Bounds;
using flow::Changes;
using flow::Gap;
using flow::Record;
using flow::RevokeReason;
using flow::RowChange;
using flow::SegmentChange;
using flow::SegmentReader;
using flow::Source;
using flow::SourceHealth;
using flow::SourcePartition;
using flow::TableSpec;
using flow::Task;
using flow::TimeType;
using flow::Watermark;

struct FakeBroker {
  std::map<SourcePartition, std::vector<std::string>> logs;  ///< keys; the offset is the index
  std::map<SourcePartition, Offset> published;
  std::string metadata;

  static SourcePartition place(std::string topic, int32_t number) {
    return {"main", std::move(topic), PartitionId(number)};
  }
  int64_t size() const {
    int64_t total = 0;
    for (const auto& [partition, log] : logs) total += static_cast<int64_t>(log.size());
    return total;
  }
  std::map<std::string, int64_t> counts() const {
    std::map<std::string, int64_t> result;
    for (const auto& [partition, log] : logs) {
      for (const auto& key : log) ++result[key];
    }
    return result;
  }
};

class FakeSource;

/// What happens, one step a poll, before the poll reads. Shared by all sources of a test.
using Script = std::deque<std::function<void(FakeSource&)>>;

class FakeSource final : public Source {
 public:
  FakeSource(FakeBroker& broker, Script& script, FakeClock& clock, std::stop_source& stop,
             Assignments& listener)
      : broker_(broker), script_(script), clock_(clock), stop_(stop), listener_(listener) {}

  size_t batch_size = 3;
  std::function<bool()> may_stop = [] { return true; };
  std::optional<Error> poll_error;
  std::optional<Batch> next_batch;  ///< handed out instead of what the log holds
  bool closed = false;

  void assign(const std::vector<SourcePartition>& partitions) {
    for (const auto& partition : partitions) seeks_[partition] = Offset(0);
    for (const auto& partition : listener_.assigned(partitions)) owned_[partition] = seeks_[partition];
  }
  void assign_all() {
    std::vector<SourcePartition> all;
    for (const auto& [partition, log] : broker_.logs) all.push_back(partition);
    assign(all);
  }
  void revoke(const std::vector<SourcePartition>& partitions, RevokeReason reason) {
    listener_.revoked(partitions, reason);
    for (const auto& partition : partitions) {
      owned_.erase(partition);
      paused_.erase(partition);
    }
  }
  std::vector<SourcePartition> owned() const {
    std::vector<SourcePartition> result;
    for (const auto& [partition, next] : owned_) result.push_back(partition);
    return result;
  }
  /// Nothing comes of this partition until release(), as from a broker that is slow.
  void hold(const SourcePartition& partition) { held_.insert(partition); }
  void release(const SourcePartition& partition) { held_.erase(partition); }
  bool paused(const SourcePartition& partition) const { return paused_.contains(partition); }
  Offset position(const SourcePartition& partition) const { return owned_.at(partition); }

  Result<Batch> poll(Millis wait) override {
    if (!script_.empty()) {
      auto step = std::move(script_.front());
      script_.pop_front();
      step(*this);
    }
    if (poll_error) return tl::make_unexpected(*std::exchange(poll_error, std::nullopt));
    if (next_batch) return *std::exchange(next_batch, std::nullopt);
    for (auto& [partition, next] : owned_) {
      const auto& log = broker_.logs.at(partition);
      if (paused_.contains(partition) || held_.contains(partition)) continue;
      if (next.value >= static_cast<int64_t>(log.size())) continue;
      idle_ = 0;
      clock_.advance(Millis{10});
      return read(partition, next);
    }
    clock_.advance(std::max(wait, Millis{1}));
    bool waiting = !script_.empty() || !paused_.empty() || !may_stop();
    if (++idle_ > 5 && !waiting) stop_.request_stop();
    if (idle_ > 200'000) throw std::runtime_error("the scenario does not come to its end");
    return Batch{};
  }
  Result<void> seek(const SourcePartition& partition, Offset next) override {
    seeks_[partition] = next;
    if (owned_.contains(partition)) owned_[partition] = next;
    return {};
  }
  void pause(const SourcePartition& partition) override { paused_.insert(partition); }
  void resume(const SourcePartition& partition) override { paused_.erase(partition); }
  Result<Bounds> bounds(const SourcePartition& partition) override {
    return Bounds{Offset(0), Offset(static_cast<int64_t>(broker_.logs.at(partition).size()))};
  }
  void publish(std::span<const std::pair<SourcePartition, Offset>> positions,
               std::string_view metadata) override {
    for (const auto& [partition, next] : positions) broker_.published[partition] = next;
    broker_.metadata = metadata;
  }
  SourceHealth health() const override { return {"fake", false, "", owned(), 0}; }
  void close() override {
    if (!closed && !owned_.empty()) revoke(owned(), RevokeReason::kRebalanced);
    closed = true;
  }

 private:
  Batch read(const SourcePartition& partition, Offset& next) {
    const auto& log = broker_.logs.at(partition);
    records_.clear();
    while (records_.size() < batch_size && next.value < static_cast<int64_t>(log.size())) {
      Record record;
      record.offset = next;
      record.time_ms = 1000 + next.value;
      record.time_type = TimeType::kCreate;
      record.key = log[static_cast<size_t>(next.value)];
      records_.push_back(record);
      ++next;
    }
    return {partition, records_, next};
  }

  FakeBroker& broker_;
  Script& script_;
  FakeClock& clock_;
  std::stop_source& stop_;
  Assignments& listener_;
  std::map<SourcePartition, Offset> owned_, seeks_;
  std::set<SourcePartition> paused_, held_;
  std::vector<Record> records_;
  int idle_ = 0;
};

inline const TableSpec& counted_table() {
  static const TableSpec table{.name = "counted", .keys = {{"name"}}, .values = {{"records"}}};
  return table;
}

/// Counts by key; its state is the number of records.
class CountTask final : public Task {
 public:
  static inline std::vector<Watermark> watermarks;  ///< of all advances of the running test
  static inline std::vector<Gap> gaps;

  Result<void> restore(const SegmentReader& segments) override {
    auto total = segments.read("total");
    total_ = total ? std::stoll(*total) : 0;
    return {};
  }
  void process(const Batch& batch, Now) override {
    if (batch.gap) gaps.push_back(*batch.gap);
    for (const auto& record : batch.records) ++counts_[std::string(record.key)];
    total_ += static_cast<int64_t>(batch.records.size());
  }
  void answer(const Answer&, Now) override {}
  void advance(Watermark watermark, Now) override { watermarks.push_back(watermark); }
  void flush(Changes& changes) override {
    if (counts_.empty()) return;
    for (const auto& [key, count] : counts_) {
      changes.rows.push_back({&counted_table(), RowChange::Op::kUpsert, {key}, {count}});
    }
    changes.segments.push_back({SegmentChange::Op::kReplace, "total", std::to_string(total_)});
    counts_.clear();
  }

 private:
  std::map<std::string, int64_t> counts_;
  int64_t total_ = 0;
};

}  // namespace waybill::testing
