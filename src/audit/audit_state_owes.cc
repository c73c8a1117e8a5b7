// What a group owes: partitions that are added, groups that leave, readers that each read all, topics that
// begin anew (DESIGN 4.1, 4.2).

#include <algorithm>

#include "audit/audit_state.h"

namespace waybill::audit {
namespace {

/// Whether the group is judged as a whole and stands somewhere in the topic.
bool owes(const TopicState& topic, const std::string& name) {
  return std::any_of(topic.partitions.begin(), topic.partitions.end(), [&](const auto& item) {
    auto group = item.second.groups().find(name);
    return group != item.second.groups().end() && group->second.baseline().value >= 0 &&
           group->second.part_of.empty() && !group->second.broadcast;
  });
}

}  // namespace

bool AuditState::set_partition_count(TopicIndex index, int32_t count) {
  TopicState* state = topic(index);
  if (!state || count <= 0) return false;
  bool changed = state->partition_count != count;
  if (count < state->partition_count) state->known_partitions.clear();  // another topic of this name
  state->partition_count = count;
  for (const std::string& name : state->groups) {
    if (!state->known_partitions.contains(name) && owes(*state, name)) {
      state->known_partitions[name] = count;
      changed = true;
    }
  }
  for (auto& [partition, audit] : state->partitions) changed |= owe_added(index, partition, audit);
  if (changed) dirty_.topics.insert(index);
  return changed;
}

bool AuditState::owe_added(TopicIndex index, PartitionId partition, PartitionAudit& audit) {
  bool any = false;
  for (const auto& [name, known] : topics_.at(index).known_partitions) {
    if (partition.value < known) continue;
    GroupAudit& group = audit.group(name, true);
    if (group.baseline().value >= 0) continue;
    any |= step_group({index, partition, name}, audit, [&](StepContext& step) {
      audit.baseline(group, Offset(0), step);
      return true;
    });
    rows_.partition({index, topics_.at(index).incarnation, partition, name}, Sums{});
  }
  return any;
}

bool AuditState::retire(TopicIndex index, const std::string& name) {
  TopicState* state = topic(index);
  if (!state) return false;
  bool any = state->known_partitions.erase(name) > 0;
  for (auto& [partition, audit] : state->partitions) {
    auto group = audit.groups().find(name);
    if (group == audit.groups().end()) continue;
    if (group->second.baseline().value < 0 && !group->second.broadcast) continue;
    any |= step_group({index, partition, name}, audit, [&](StepContext& step) {
      group->second.retire(step);
      return true;
    });
  }
  if (any) dirty_.topics.insert(index);
  return any;
}

bool AuditState::disown(const Place& place, int64_t incarnation, std::span<const OffsetRange> ranges) {
  return with_group(place, incarnation, [&](GroupAudit& group, StepContext& step) {
    bool any = false;
    for (const OffsetRange& range : ranges) any |= group.disown(range, step);
    return any;
  });
}

void AuditState::first_record(TopicIndex index, PartitionId partition, int64_t time_ms) {
  TopicState* state = topic(index);
  if (!state) return;
  auto it = state->partitions.find(partition);
  if (it == state->partitions.end()) return;
  PartitionAudit& audit = it->second;
  const bool shorter = !audit.produced().empty() && audit.log_end < audit.produced().end();
  if (!shorter && !audit.twice().contains(Offset(0))) {
    if (audit.first_time_ms >= 0) return;
    audit.first_time_ms = time_ms;
    dirty_.partitions.emplace(index, partition);
    return;
  }
  if (audit.first_time_ms >= 0) {
    if (time_ms <= audit.first_time_ms) return;  // the same record: merely truncated
  } else {
    auto runs = audit.labels().runs();
    auto known = audit.labels().pieces({Offset(0), Offset(1)}).front().second;
    if (known.kind != tally::BucketKind::kNormal) {
      if (runs.empty() || runs.back().second.kind != tally::BucketKind::kNormal) return;
      known = runs.back().second;
    }
    if (tally::bucket_start(time_ms, options_.bucket_ms) <= known.start) return;
  }
  new_incarnation(index, *state);
  state->partitions.at(partition).first_time_ms = time_ms;
}

void AuditState::new_incarnation(TopicIndex index, TopicState& state) {
  for (auto& [id, audit] : state.partitions) {
    CoverageDeltas deltas;
    StepContext step = context(deltas, -1);
    const size_t before = audit.range_count();
    for (auto& [name, group] : audit.groups()) {  // nothing waits for a topic that is gone
      step.group = name;
      group.disown({Offset(0), Offset(INT64_MAX)}, step);
      group.forget_redelivered({Offset(0), audit.log_end}, step);
    }
    book(index, id, deltas, -1);
    note_partition(index, id, audit, before);
    flush_findings(index, state, id);
    ranges_ -= static_cast<int64_t>(audit.range_count());
    touched_.erase({index, id});
    dirty_.partitions.emplace(index, id);
    audit = PartitionAudit::anew(audit);
  }
  state.known_partitions.clear();
  state.partition_count = -1;
  ++state.incarnation;
  dirty_.topics.insert(index);
  rows_.count("incarnations");
}

}  // namespace waybill::audit
