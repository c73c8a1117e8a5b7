// Applying what an operator decided to the state.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>

#include "audit/audit_state.h"
#include "audit/tables.h"
#include "base/hash.h"

namespace waybill::audit {
namespace {

using tally::DecidedPartition;
using tally::Decision;
using tally::DecisionKind;
using tally::Moved;

constexpr int64_t kOffsetMost = int64_t{1} << 56;  ///< as in plausible.h
constexpr int64_t kTimeMost = int64_t{1} << 53;

std::string ranges_json(const std::vector<DecidedPartition>& partitions) {
  nlohmann::json out = nlohmann::json::array();
  for (const DecidedPartition& p : partitions) {
    for (const OffsetRange& r : p.ranges) out.push_back({p.partition.value, r.begin.value, r.end.value - 1});
  }
  return out.dump();
}

std::string moved_json(const std::vector<DecidedPartition>& partitions) {
  nlohmann::json out = nlohmann::json::array();
  for (const DecidedPartition& p : partitions) {
    for (const Moved& m : p.moved) {
      out.push_back(
          {p.partition.value, m.range.begin.value, m.range.end.value - 1, p.to_partition.value, m.to.value});
    }
  }
  return out.dump();
}

/// Whether each of the ranges lies within one of `of` of that partition.
bool inside(PartitionId partition, OffsetRange range, const std::vector<DecidedPartition>& of) {
  for (const DecidedPartition& p : of) {
    if (p.partition != partition) continue;
    for (const OffsetRange& r : p.ranges) {
      if (r.begin <= range.begin && range.end <= r.end) return true;
    }
  }
  return false;
}

bool plausible_decision(const Decision& d) {
  if (d.decided_ms < 0 || d.decided_ms > kTimeMost) return false;
  for (const DecidedPartition& p : d.partitions) {
    if (!p.ranges.empty() && p.ranges.back().end.value > kOffsetMost) return false;
    for (const Moved& m : p.moved) {
      if (m.range.end.value > kOffsetMost || m.to.value > kOffsetMost) return false;
    }
  }
  return true;
}

std::string refuse_end(const Decision& end, const DecisionBook::Replay* replay) {
  if (!replay || replay->end) return "no such replay has begun";
  const Decision& begin = replay->begin;
  if (begin.topic != end.topic || begin.group != end.group || begin.to_topic != end.to_topic ||
      begin.incarnation != end.incarnation)
    return "it is not the replay that began under this id";
  for (const DecidedPartition& p : end.partitions) {
    for (const OffsetRange& r : p.ranges) {
      if (!inside(p.partition, r, begin.partitions)) return "it was not to deliver that";
    }
    for (const Moved& m : p.moved) {
      if (!inside(p.partition, m.range, begin.partitions)) return "it was not to deliver that";
      bool in_place = end.to_topic == end.topic;
      if (in_place && (p.to_partition != p.partition || m.to < m.range.end))
        return "a message in its own topic moves to a higher offset of its own partition";
    }
  }
  return {};
}

}  // namespace

std::string AuditState::refusal(const Decision& d) const {
  if (d.audit_partitions != options_.audit_partitions)
    return "it was written for " + std::to_string(d.audit_partitions) + " audit partitions";
  if (!plausible_decision(d)) return "its numbers cannot be";
  auto index = index_.find(d.topic);
  if (index == index_.end() ||
      waybill::audit_partition(d.topic, options_.audit_partitions) != audit_partition_)
    return "the topic is not known here";
  const TopicState& topic = topics_.at(index->second);
  if (topic.incarnation != d.incarnation) return "the topic was made anew since";
  if (d.kind == DecisionKind::kReplayEnd) return refuse_end(d, decisions_.find(d.id));
  int64_t closable = 0;
  for (const DecidedPartition& p : d.partitions) {
    auto partition = topic.partitions.find(p.partition);
    if (partition == topic.partitions.end())
      return "partition " + std::to_string(p.partition.value) + " is not known";
    auto group = partition->second.groups().find(d.group);
    if (group == partition->second.groups().end()) return "the group is not known there";
    const PartitionAudit& audit = partition->second;
    Offset end = std::max(audit.log_end, audit.produced().empty() ? Offset(0) : audit.produced().end());
    for (const OffsetRange& r : p.ranges) {
      if (r.end > end) return "its offsets lie past the end of the log";
      closable += group->second.count(r, State::kLost);
      if (d.kind == DecisionKind::kReplayBegin && d.again)
        closable += group->second.count(r, State::kReplayed);
    }
  }
  if (closable == 0) return "nothing of it is lost";
  if (d.kind != DecisionKind::kReplayBegin) return {};
  if (closable != d.messages()) return "some of it is not lost any more";
  const DecisionBook::Replay* earlier = d.again ? nullptr : decisions_.overlapping(d);
  if (earlier) return "replay " + earlier->begin.id.hex() + " may have delivered some of it";
  return {};
}

bool AuditState::decide(const Decision& d, int64_t time_ms) {
  if (decisions_.known(d.id, d.kind)) {
    rows_.count("duplicate_decision");
    return false;
  }
  std::string refused = refusal(d);
  if (!refused.empty()) {
    rows_.count("refused_decision");
    auto topic = index_.find(d.topic);
    bool place = topic != index_.end() && topics_.at(topic->second).groups.contains(d.group);
    if (place && d.kind != DecisionKind::kReplayEnd && !decisions_.find(d.id)) {
      decision_row({d, std::nullopt, {}}, "refused", 0, refused);
    }
    return false;
  }
  clock_ms_ = std::max(clock_ms_, time_ms);
  decisions_.note(d.id, d.kind);
  TopicIndex topic = index_.at(d.topic);
  if (d.kind == DecisionKind::kReplayEnd) {
    end_replay(topic, d);
    return true;
  }
  if (d.kind == DecisionKind::kReplayBegin) {
    decisions_.begin(d);
    decision_row(*decisions_.find(d.id), "begun", d.messages());
    for (const DecisionBook::Replay& gone : decisions_.shrink()) {
      rows_.count("replay_overflow");
      decision_row(gone, "done", gone.begin.messages());
    }
    return true;
  }
  int64_t closed = 0;
  for (const DecidedPartition& p : d.partitions) {
    std::vector<Moved> ranges;
    for (const OffsetRange& r : p.ranges) ranges.push_back({r, Offset(-1)});
    closed += close(topic, d.group, p.partition, ranges, State::kAccepted, {.decision = d.id});
  }
  decision_row({d, std::nullopt, {}}, "applied", closed);
  return true;
}

int64_t AuditState::close(TopicIndex topic, const std::string& name, PartitionId partition,
                          std::span<const Moved> ranges, State state, const Closing& closing) {
  int64_t closed = 0;
  with_group({topic, partition, name}, topics_.at(topic).incarnation,
             [&](GroupAudit& group, StepContext& step) {
               for (const Moved& m : ranges) closed += group.close(m.range, state, closing, m.to, step);
               return true;
             });
  return closed;
}

void AuditState::end_replay(TopicIndex topic, const Decision& end) {
  DecisionBook::Replay& replay = *decisions_.find(end.id);
  const bool in_place = end.to_topic == end.topic;
  replay.end = end;
  bool sure = true;
  for (const DecidedPartition& p : end.partitions) {
    sure &= p.ranges.empty();
    if (p.moved.empty()) continue;
    if (!in_place) {  // another topic is another collector's: acknowledged is all that can be known here
      close(topic, end.group, p.partition, p.moved, State::kReplayed, {end.id, p.to_partition});
      continue;
    }
    // What is in the log again is owed again: no other producer will claim it.
    PartitionAudit& audit = topics_.at(topic).partitions[p.partition];
    CoverageDeltas deltas;
    StepContext step = context(deltas, sequence_);
    size_t before = audit.range_count();
    std::vector<OffsetRange> fresh;
    for (const Moved& m : p.moved) fresh.push_back({m.to, m.to + m.range.size()});
    audit.produced(fresh, {tally::BucketKind::kUntimed, BucketStart(0)}, step);
    for (const auto& [name, group] : audit.groups()) {
      if (group.waiting()) waiting_.emplace(topic, p.partition, name);
    }
    book(topic, p.partition, deltas, -1);
    note_partition(topic, p.partition, audit, before);
    for (const Moved& m : p.moved) replay.waiting.push_back({p.partition, m});
  }
  std::vector<PartitionId> touched;
  for (const auto& w : replay.waiting) touched.push_back(w.partition);
  const Id128 id = end.id;
  decision_row(replay, in_place && !replay.waiting.empty() ? "delivered" : "done", 0);
  if (replay.waiting.empty() && sure) decisions_.forget(id);
  for (PartitionId partition : touched) settle_replays(topic, partition, end.group);
}

void AuditState::settle_replays(TopicIndex topic, PartitionId partition, const std::string& name) {
  if (decisions_.replays().empty()) return;
  const TopicState& state = topics_.at(topic);
  auto audit = state.partitions.find(partition);
  if (audit == state.partitions.end()) return;
  auto group = audit->second.groups().find(name);
  if (group == audit->second.groups().end()) return;
  std::vector<Id128> ids;
  for (const auto& [id, replay] : decisions_.replays()) {
    const Decision& b = replay.begin;
    if (!replay.waiting.empty() && b.topic == state.name && b.group == name &&
        b.incarnation == state.incarnation)
      ids.push_back(id);
  }
  for (const Id128& id : ids) {
    DecisionBook::Replay& replay = *decisions_.find(id);
    std::vector<Moved> back;
    std::vector<DecisionBook::Waiting> left;
    for (const DecisionBook::Waiting& w : replay.waiting) {
      OffsetRange now{w.moved.to, w.moved.to + w.moved.range.size()};
      int64_t by = w.moved.range.begin.value - w.moved.to.value;
      if (w.partition != partition) {
        left.push_back(w);
        continue;
      }
      for (const OffsetRange& r : group->second.consumed().within(now))
        back.push_back({{r.begin + by, r.end + by}, r.begin});
      for (const OffsetRange& r : group->second.consumed().missing(now))
        left.push_back({partition, {{r.begin + by, r.end + by}, r.begin}});
    }
    if (back.empty()) continue;
    replay.waiting = std::move(left);
    close(topic, name, partition, back, State::kReplayed, {id, partition});
    if (!replay.waiting.empty()) continue;
    decision_row(replay, "done", 0);
    const auto& told = replay.end->partitions;
    bool sure =
        std::all_of(told.begin(), told.end(), [](const DecidedPartition& p) { return p.ranges.empty(); });
    if (sure) decisions_.forget(id);
  }
}

void AuditState::decision_row(const DecisionBook::Replay& r, std::string_view state, int64_t messages,
                              std::string_view detail) {
  const Decision& d = r.begin;
  if (r.end) {
    messages = 0;
    for (const DecidedPartition& p : r.end->partitions) {
      for (const Moved& m : p.moved) messages += m.range.size();
    }
  }
  rows_.row({&decision_table(),
             flow::RowChange::Op::kUpsert,
             {options_.cluster, d.topic, d.group, d.id.hex()},
             {std::string(d.kind == DecisionKind::kAccept ? "accept" : "replay"), std::string(state), d.by,
              d.reason, d.decided_ms, clock_ms_, d.incarnation, messages, d.to_topic,
              ranges_json(d.partitions), moved_json(r.end ? r.end->partitions : d.partitions),
              r.end ? ranges_json(r.end->partitions) : std::string("[]"), std::string(detail)}});
}

}  // namespace waybill::audit
