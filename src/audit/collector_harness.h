#pragma once
// For tests of the collector: a table model with the merges of flow/rows.h, stored segments, and short ways
// to write reports.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "audit/collector.h"
#include "audit/collector_store_model.h"
#include "audit/tables.h"
#include "base/hash.h"
#include "flow/task.h"
#include "tally/report_codec.h"

namespace waybill::audit::harness {

inline constexpr int64_t kStart = 1'700'000'040'000;  ///< a full minute
inline constexpr int64_t kMinute = 60'000;

/// The collector of one audit partition with its store. Time moves only by what the test says.
class Harness {
 public:
  explicit Harness(CollectorOptions options = defaults()) : options_(std::move(options)) { start(); }

  static CollectorOptions defaults() {
    CollectorOptions options;
    options.cluster = "main";
    options.audit_partitions = 1;
    return options;
  }

  /// A new collector from what was committed, as after a crash.
  void restart() {
    start();
    if (auto ok = task_->restore(segments); !ok) std::abort();
  }
  /// One audit record at `time_ms`, appended by the broker.
  void deliver(std::string_view bytes, int64_t time_ms) {
    now_.wall_ms = now_.steady_ms = time_ms;
    flow::Record record;
    record.offset = Offset(next_offset_++);
    record.time_ms = time_ms;
    record.time_type = flow::TimeType::kAppend;
    record.has_value = true;
    record.value = bytes;
    task_->process({partition(), std::span(&record, 1), Offset(next_offset_)}, now_);
  }
  void deliver(const tally::Report& report, int64_t time_ms) {
    deliver(tally::encode_report(report), time_ms);
  }
  /// Time passes with nothing to read.
  void quiet_until(int64_t time_ms) {
    now_.wall_ms = now_.steady_ms = time_ms;
    task_->advance({time_ms, true}, now_);
  }
  void commit() {
    flow::Changes changes;
    task_->flush(changes);
    tables.apply(changes.rows);
    segments.apply(changes.segments);
    asks.insert(asks.end(), changes.asks.begin(), changes.asks.end());
    rows_written += changes.rows.size();
  }
  void answer(const flow::Answer& answer) { task_->answer(answer, now_); }
  flow::Task& task() { return *task_; }
  flow::SourcePartition partition() const { return {"main", "waybill-reports", PartitionId(0)}; }

  /// Findings of a group as "partition:first-last state reason times" lines, in order.
  std::vector<std::string> findings(const std::string& group) {
    std::vector<std::string> out;
    for (const auto& [key, values] : tables.table(finding_table())) {
      if (std::get<std::string>(key[4]) != group) continue;
      std::string line = std::to_string(std::get<int64_t>(key[3])) + ":" +
                         std::to_string(std::get<int64_t>(key[5])) + "-" +
                         std::to_string(std::get<int64_t>(values[0])) + " " + std::get<std::string>(key[6]);
      if (!std::get<std::string>(values[1]).empty()) line += " " + std::get<std::string>(values[1]);
      if (std::get<int64_t>(values[4]) != 0) line += " x" + std::to_string(std::get<int64_t>(values[4]));
      out.push_back(std::move(line));
    }
    return out;
  }
  /// Reasons of audit_incomplete for a topic as "reason from to", with times relative to kStart; to = 0 is
  /// open.
  std::vector<std::string> incomplete(const std::string& topic) {
    std::vector<std::string> out;
    for (const auto& [key, values] : tables.table(incomplete_table())) {
      if (std::get<std::string>(key[1]) != topic) continue;
      int64_t to = std::get<int64_t>(values[0]);
      out.push_back(std::get<std::string>(key[3]) + " " + std::to_string(std::get<int64_t>(key[4]) - kStart) +
                    " " + std::to_string(to == 0 ? 0 : to - kStart));
    }
    return out;
  }
  int64_t counter(const std::string& name) {
    return tables.sum(counter_table(), {std::string("main"), int64_t{0}, name}, "count");
  }
  /// Sum over the partitions of a topic.
  int64_t total(const std::string& topic, const std::string& group, std::string_view column) {
    int64_t n = 0;
    for (const auto& [key, values] : tables.table(partition_table())) {
      if (std::get<std::string>(key[1]) != topic || std::get<std::string>(key[4]) != group) continue;
      if (std::get<int64_t>(key[3]) < 0) continue;
      n += std::get<int64_t>(values[Tables::index(partition_table(), column)]);
    }
    return n;
  }

  Tables tables;
  Segments segments;
  std::vector<flow::Ask> asks;
  size_t rows_written = 0;

 private:
  void start() {
    flow::SourcePartition owned = partition();
    task_ = make_collector(options_, "collector/main/waybill-reports/0", std::span(&owned, 1));
  }
  CollectorOptions options_;
  std::unique_ptr<flow::Task> task_;
  Now now_;
  int64_t next_offset_ = 0;
};

/// Writes the reports of one process.
class Process {
 public:
  explicit Process(uint8_t id) {
    report_.reporter.bytes[0] = id;
    report_.reporter.bytes[15] = 1;
    report_.host = "host";
    report_.service = "service" + std::to_string(id);
    report_.audit_partitions = 1;
    report_.from_ms = report_.complete_up_to_ms = kStart;
  }
  Process& host(std::string host, std::string service) {
    report_.host = std::move(host);
    report_.service = std::move(service);
    return *this;
  }
  /// Declares client `ref`; an empty group makes a producer.
  Process& producer(uint32_t ref = 1) {
    clients_.push_back({.ref = ref,
                        .client_id = "p" + std::to_string(ref),
                        .kind = tally::TierKind::kProduced,
                        .group = {},
                        .instance = {},
                        .flags = 0,
                        .library = "test"});
    return *this;
  }
  Process& consumer(const std::string& group, uint32_t ref = 1) {
    clients_.push_back({.ref = ref,
                        .client_id = "c" + std::to_string(ref),
                        .kind = tally::TierKind::kConsumed,
                        .group = group,
                        .instance = {},
                        .flags = 0,
                        .library = "test"});
    return *this;
  }
  static tally::BucketLabel label(int64_t time_ms = kStart) {
    return {tally::BucketKind::kNormal, tally::bucket_start(time_ms, kMinute)};
  }
  /// Acknowledged or handed out offsets [first, last], with the matching entry. Bytes are 10 a message.
  Process& saw(int64_t first, int64_t last, const std::string& topic = "t", int32_t partition = 0,
               uint32_t ref = 1, uint32_t session = 1, tally::BucketLabel bucket = label()) {
    tally::Tier tier = tier_of(ref);
    tally::CoverageChunk chunk;
    chunk.client = ref;
    chunk.tier = tier;
    chunk.topic = topic;
    chunk.partition = PartitionId(partition);
    chunk.label = bucket;
    chunk.session = tier.kind == tally::TierKind::kConsumed ? session : 0;
    chunk.seen = {{Offset(first), Offset(last + 1)}};
    report_.coverage.push_back(chunk);
    tally::Entry entry;
    entry.client = ref;
    entry.tier = tier;
    entry.topic = topic;
    entry.bucket.label = bucket;
    entry.bucket.count = static_cast<uint64_t>(last + 1 - first);
    entry.bucket.bytes = entry.bucket.count * 10;
    entry.bucket.time_types = tally::kCreateTime;
    report_.entries.push_back(entry);
    return *this;
  }
  /// The last saw() handed these out `times` more often.
  Process& again(int64_t first, int64_t last, uint64_t times = 1) {
    report_.coverage.back().again.push_back({{Offset(first), Offset(last + 1)}, times});
    report_.entries.back().bucket.count += static_cast<uint64_t>(last + 1 - first) * times;
    return *this;
  }
  /// The last saw() handed these out below an offset that its session had been handed before.
  Process& below(int64_t first, int64_t last) {
    report_.coverage.back().reordered.push_back({Offset(first), Offset(last + 1)});
    return *this;
  }
  Process& at(int64_t session_first, int64_t next, int64_t high, int64_t committed = -1,
              const std::string& topic = "t", int32_t partition = 0, uint32_t ref = 1, uint32_t session = 1) {
    report_.positions.push_back({ref, topic, PartitionId(partition), session, Offset(session_first),
                                 Offset(next), Offset(high), Offset(committed), 0});
    return *this;
  }
  tally::Report& draft() { return report_; }
  /// The next number, complete up to `time_ms` of its own clock.
  tally::Report report(int64_t time_ms) {
    report_.clients = clients_;
    report_.number = ReportNumber(++number_);
    report_.from_ms = report_.complete_up_to_ms;
    report_.complete_up_to_ms = time_ms;
    tally::Report out = report_;
    report_.coverage.clear();
    report_.entries.clear();
    report_.positions.clear();
    report_.rates.clear();
    report_.dropped = {};
    return out;
  }
  tally::Report close(int64_t time_ms) {
    report_.closed = true;
    return report(time_ms);
  }

 private:
  tally::Tier tier_of(uint32_t ref) const {
    for (const tally::ClientInfo& c : clients_) {
      if (c.ref == ref) return {c.kind, c.group};
    }
    return {};
  }
  tally::Report report_;
  std::vector<tally::ClientInfo> clients_;
  uint64_t number_ = 0;
};

}  // namespace waybill::audit::harness
