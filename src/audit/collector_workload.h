#pragma once
// A steady load of reports for benchmarks: producers and consumers over several topics, each reporting once a
// second.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "audit/collector_harness.h"

namespace waybill::audit {

class Workload {
 public:
  struct Options {
    int producers = 100;
    int consumers = 80;
    int topics = 20;
    int partitions = 4;
    int seconds = 30;
    int64_t run = 15;             ///< messages of one producer that follow each other
    int64_t runs_per_second = 3;  ///< per producer, topic and partition
    int64_t loss_every = 0;       ///< one offset in so many is never consumed; 0 = none
  };
  struct Sent {
    std::string bytes;
    int64_t time_ms = 0;
  };

  explicit Workload(Options options) : options_(options) {
    for (int i = 0; i < options.producers; ++i)
      processes_.emplace_back(static_cast<uint8_t>(i + 1)).producer();
    for (int i = 0; i < options.consumers; ++i) {
      processes_.emplace_back(static_cast<uint8_t>(options.producers + i + 1)).consumer("g");
    }
    for (int s = 0; s < options.seconds; ++s) seconds_.push_back(second(s));
  }
  const std::vector<std::vector<Sent>>& seconds() const { return seconds_; }
  int64_t entries() const { return entries_; }
  /// Reports between two commits, when a commit comes every 20,000 entries: five a second at 100,000 entries
  /// a second.
  size_t reports_per_commit() const {
    return static_cast<size_t>(20'000 * static_cast<int64_t>(seconds_.size() * processes_.size()) / entries_);
  }
  int64_t consumed_of_t0() const { return consumed_of_t0_; }
  CollectorOptions collector_options() const { return harness::Harness::defaults(); }

 private:
  std::vector<Sent> second(int s) {
    int64_t time_ms = harness::kStart + s * 1000;
    auto label = harness::Process::label(time_ms);
    int64_t per_second = options_.run * options_.runs_per_second * options_.producers;
    int64_t base = s * per_second;
    for (int t = 0; t < options_.topics; ++t) {
      std::string topic = "t" + std::to_string(t);
      for (int p = 0; p < options_.partitions; ++p) {
        for (int i = 0; i < options_.producers; ++i) produce(i, topic, p, base, label);
        consume(t, p, topic, base, base + per_second, label);
      }
    }
    std::vector<Sent> out;
    for (harness::Process& process : processes_) {
      join(process.draft().entries);
      entries_ += static_cast<int64_t>(process.draft().entries.size());
      for (tally::Entry& entry : process.draft().entries) {
        for (int64_t ms = 1; ms < 20; ++ms) entry.bucket.latency.add(ms * ms, 5);
      }
      out.push_back({tally::encode_report(process.report(time_ms)), time_ms});
    }
    return out;
  }
  /// One entry per tier, topic and bucket, as a reporter has it.
  static void join(std::vector<tally::Entry>& entries) {
    std::map<std::pair<std::string, int64_t>, tally::Entry> joined;
    for (const tally::Entry& e : entries) {
      auto [it, fresh] = joined.try_emplace({e.topic, e.bucket.label.start.value}, e);
      if (!fresh) it->second.bucket.merge(e.bucket);
    }
    entries.clear();
    for (auto& [key, entry] : joined) entries.push_back(std::move(entry));
  }
  void produce(int i, const std::string& topic, int partition, int64_t base, tally::BucketLabel label) {
    harness::Process& process = processes_[static_cast<size_t>(i)];
    process.saw(base + i * options_.run, base + i * options_.run + options_.run - 1, topic, partition, 1, 0,
                label);
    process.draft().entries.back().bucket.count =
        static_cast<uint64_t>(options_.run * options_.runs_per_second);
    auto& seen = process.draft().coverage.back().seen;
    for (int64_t r = 1; r < options_.runs_per_second; ++r) {
      Offset begin(base + (r * options_.producers + i) * options_.run);
      seen.push_back({begin, begin + options_.run});
    }
  }
  void consume(int t, int partition, const std::string& topic, int64_t begin, int64_t end,
               tally::BucketLabel label) {
    auto owner = static_cast<size_t>((t * options_.partitions + partition) % options_.consumers);
    harness::Process& process = processes_[static_cast<size_t>(options_.producers) + owner];
    process.saw(begin, end - 1, topic, partition, 1, 1, label).at(0, end, end, -1, topic, partition);
    int64_t lost = 0;
    if (options_.loss_every > 0) {
      auto& seen = process.draft().coverage.back().seen;
      seen.clear();
      Offset at(begin);
      for (int64_t o = begin + 50; o < end; o += options_.loss_every, ++lost) {
        seen.push_back({at, Offset(o)});
        at = Offset(o + 1);
      }
      if (at.value < end) seen.push_back({at, Offset(end)});
    }
    if (t == 0) consumed_of_t0_ += end - begin - lost;
  }

  Options options_;
  std::vector<harness::Process> processes_;
  std::vector<std::vector<Sent>> seconds_;
  int64_t entries_ = 0;
  int64_t consumed_of_t0_ = 0;
};

}  // namespace waybill::audit
