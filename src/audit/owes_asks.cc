#include "audit/owes_asks.h"

#include <algorithm>

namespace waybill::audit {
namespace {

/// What the reporters say of a group in one topic.
struct Presence {
  bool owes = false;       ///< it stands somewhere
  int64_t heard_ms = 0;    ///< when one of its readers last told of the topic
  bool broadcast = false;  ///< only its readers owe
  std::string part_of;     ///< a reader of this group that is judged on its own
  std::set<Id128> readers;
};

std::map<std::string, Presence> presences(const TopicState& topic) {
  std::map<std::string, Presence> out;
  for (const auto& [partition, audit] : topic.partitions) {
    for (const auto& [name, group] : audit.groups()) {
      if (!group.judged()) continue;
      Presence& p = out[name];
      p.owes |= group.baseline().value >= 0 || group.broadcast;
      p.broadcast |= group.broadcast;
      p.heard_ms = std::max(p.heard_ms, group.heard_ms);
      p.part_of = group.part_of;
      if (group.part_of.empty()) continue;
      for (const auto& [key, reader] : group.readers()) p.readers.insert(key.reporter);
    }
  }
  return out;
}

}  // namespace

void OwesAsks::advance(const AuditState& state, OperationLog& log, int64_t clock_ms, int64_t steady_ms) {
  std::erase_if(open_, [&](const auto& item) { return steady_ms - item.second.since_ms > kForgetMs; });
  std::erase_if(later_, [&](const auto& item) { return item.second <= steady_ms; });
  if (round_.empty() && (last_round_ms_ == INT64_MIN || steady_ms - last_round_ms_ >= kEveryMs)) {
    last_round_ms_ = steady_ms;
    for (const auto& [index, topic] : state.topics()) round_.push_back(index);
  }
  while (!round_.empty() && open_.size() < kOpenMax) {
    TopicIndex index = round_.front();
    round_.pop_front();
    auto topic = state.topics().find(index);
    if (topic != state.topics().end()) look(index, topic->second, state, log, clock_ms, steady_ms);
  }
}

void OwesAsks::look(TopicIndex index, const TopicState& topic, const AuditState& state, OperationLog& log,
                    int64_t clock_ms, int64_t steady_ms) {
  bool any = false;
  for (const auto& item : presences(topic)) {
    const auto& name = item.first;
    const auto& p = item.second;
    if (!p.owes) continue;
    any |= p.part_of.empty();
    const auto& all = state.reporters().all();
    const bool own = !p.part_of.empty();
    const bool open = std::any_of(all.begin(), all.end(), [&](const auto& reporter) {
      if (!reporter.second.open() || !reporter.second.topics.contains(index)) return false;
      return own ? p.readers.contains(reporter.first) : reporter.second.groups.contains(name);
    });
    if (own) {
      if (!open) log.retire(index, name);
    } else if (clock_ms - p.heard_ms > owes_ms_) {
      if (!open) {
        log.retire(index, name);
      } else if (!p.broadcast && !later_.contains({index, name})) {
        ask({index, topic.name, name, steady_ms});
        later_[{index, name}] = steady_ms + kMembersMs;
      }
    }
  }
  if (any && !later_.contains({index, ""})) ask({index, topic.name, "", steady_ms});
}

void OwesAsks::ask(Open open) {
  flow::Ask ask;
  ask.id = next_id_++;
  ask.kind = open.group.empty() ? flow::Ask::Kind::kTopicSettings : flow::Ask::Kind::kMembers;
  ask.partition = {cluster_, open.name, PartitionId(0)};
  ask.group = open.group;
  open_.emplace(ask.id, std::move(open));
  ready_.push_back(std::move(ask));
}

bool OwesAsks::answer(const flow::Answer& answer, OperationLog& log, int64_t steady_ms) {
  if (answer.id < kIdBase || answer.id >= 2 * kIdBase) return false;
  auto it = open_.find(answer.id);
  if (it == open_.end()) return true;  // of an earlier life, or given up
  Open open = std::move(it->second);
  open_.erase(it);
  if (const auto* members = std::get_if<std::vector<flow::RangeReader::Member>>(&answer.value)) {
    const bool reads = std::any_of(members->begin(), members->end(), [&](const auto& member) {
      return std::any_of(member.partitions.begin(), member.partitions.end(),
                         [&](const auto& p) { return p.first == open.name; });
    });
    if (!reads) log.retire(open.topic, open.group);
  } else if (const auto* settings = std::get_if<flow::RangeReader::TopicSettings>(&answer.value)) {
    log.set_partition_count(open.topic, settings->partitions);
  } else {
    later_[{open.topic, open.group}] = steady_ms + kSettingsFailedMs;
  }
  return true;
}

void OwesAsks::flush(std::vector<flow::Ask>& asks) {
  for (flow::Ask& ask : ready_) asks.push_back(std::move(ask));
  ready_.clear();
}

}  // namespace waybill::audit
