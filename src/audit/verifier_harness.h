#pragma once
// For tests of the verifier: a log that answers the collector's asks.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "audit/collector_harness.h"

namespace waybill::audit::harness {

/// One partition's log as a broker would tell of it. Every partition that is asked about is this one.
struct FakeLog {
  int64_t start = 0;
  int64_t end = 1'000'000;
  int64_t stable_end = 1'000'000;  ///< below `end` while a transaction is open
  std::set<int64_t> absent;        ///< compacted away, or a marker
  std::set<int64_t> aborted;
  std::string policy = "delete";
  int32_t partitions = -1;  ///< of the topic
  bool denied = false;
  std::vector<flow::RangeReader::Member> members;
  int64_t position = -1;  ///< what the broker has of the group
  std::map<int64_t, int64_t> times = {};
  std::map<flow::Ask::Kind, int64_t> asked;
  int64_t reads = 0;
  int64_t records = 0;

  flow::Answer answer(const flow::Ask& ask) {
    using Kind = flow::Ask::Kind;
    ++asked[ask.kind];
    if (denied && ask.kind != Kind::kBounds) return {ask.id, Error{Errc::kDenied, "no right"}};
    switch (ask.kind) {
      case Kind::kRead:
        return {ask.id, read(ask)};
      case Kind::kBounds:
        return {ask.id, flow::Bounds{Offset(start), Offset(end)}};
      case Kind::kCommitted: {
        std::vector<std::pair<PartitionId, Offset>> all;
        if (position >= 0) all.emplace_back(ask.partition.partition, Offset(position));
        return {ask.id, all};
      }
      case Kind::kMembers:
        return {ask.id, members};
      case Kind::kTopicSettings:
        return {ask.id, flow::RangeReader::TopicSettings{policy, partitions}};
    }
    return {ask.id, Error{}};
  }

 private:
  flow::RangeAnswer read(const flow::Ask& ask) {
    ++reads;
    bool committed = ask.isolation == flow::Isolation::kCommitted;
    int64_t to = committed ? stable_end : end;
    flow::RangeAnswer out;
    out.bounds = {Offset(start), Offset(to)};
    int64_t at = std::max(ask.range.begin.value, start);
    for (; at < std::min(ask.range.end.value, to); ++at) {
      if (static_cast<int64_t>(out.records.size()) >= ask.limits.messages_max) break;
      if (absent.contains(at) || (committed && aborted.contains(at))) continue;
      auto time = times.find(at);
      out.records.push_back(
          {Offset(at), time == times.end() ? kStart + 1 : time->second, flow::TimeType::kCreate, 10, {}, {}});
      ++records;
    }
    out.judged_to = Offset(std::max(ask.range.begin.value, std::min(at, ask.range.end.value)));
    return out;
  }
};

/// Answers what was asked since the last call.
inline void answer_all(Harness& h, FakeLog& log) {
  std::vector<flow::Ask> asks = std::exchange(h.asks, {});
  for (const flow::Ask& ask : asks) h.answer(log.answer(ask));
  h.commit();
}

/// Heartbeats of all processes and answers of the log, each second in (from, to].
inline void live(Harness& h, FakeLog& log, std::vector<Process*> processes, int64_t from_ms, int64_t to_ms) {
  for (int64_t t = from_ms + 1000; t <= to_ms; t += 1000) {
    for (Process* p : processes) h.deliver(p->report(t), t);
    h.quiet_until(t);
    h.commit();
    answer_all(h, log);
  }
}

}  // namespace waybill::audit::harness
