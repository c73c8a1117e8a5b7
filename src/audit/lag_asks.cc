#include "audit/lag_asks.h"

#include <algorithm>

namespace waybill::audit {

void LagAsks::advance(const AuditState& state, int64_t steady_ms) {
  std::erase_if(open_, [&](const auto& item) { return steady_ms - item.second.since_steady_ms > kForgetMs; });
  bool due = last_round_ms_ == INT64_MIN || steady_ms - last_round_ms_ >= every_ms_;
  if (round_.empty() && due) {
    last_round_ms_ = steady_ms;
    for (const auto& [index, topic] : state.topics()) {
      for (const auto& [partition, audit] : topic.partitions) round_.emplace_back(index, partition);
    }
  }
  size_t partitions = 0;
  for (const auto& [index, topic] : state.topics()) partitions += topic.partitions.size();
  if (partitions > partitions_ &&
      !due) {  // what is new is looked at now: its first record tells it from a later topic
    for (const auto& [index, topic] : state.topics()) {
      for (const auto& [partition, audit] : topic.partitions)
        if (audit.log_end.value < 0) round_.emplace_front(index, partition);
    }
  }
  partitions_ = partitions;
  while (!round_.empty() && open_.size() < kOpenMax) {
    auto [topic, partition] = round_.front();
    round_.pop_front();
    ask(state, {What::kBounds, topic, partition, {}, steady_ms}, {});
  }
}

void LagAsks::ask(const AuditState& state, Open open, OffsetRange range) {
  auto topic = state.topics().find(open.topic);
  if (topic == state.topics().end()) return;
  flow::Ask ask;
  ask.id = next_id_++;
  ask.kind = open.what == What::kBounds ? flow::Ask::Kind::kBounds : flow::Ask::Kind::kRead;
  ask.partition = {cluster_, topic->second.name, open.partition};
  ask.range = range;
  ask.limits.messages_max = 1;
  if (auto audit = topic->second.partitions.find(open.partition);
      audit != topic->second.partitions.end() && !audit->second.produced().empty()) {
    open.acked_end = audit->second.produced().end();
  }
  ready_.push_back(std::move(ask));
  open_.emplace(next_id_ - 1, std::move(open));
}

void LagAsks::answer(const flow::Answer& answer, OperationLog& log, AuditState& state, Now now) {
  auto it = open_.find(answer.id);
  if (it == open_.end()) return;  // of an earlier life
  Open open = std::move(it->second);
  open_.erase(it);
  if (const auto* bounds = std::get_if<flow::Bounds>(&answer.value)) {
    if (open.what == What::kBounds) answer_bounds(open, *bounds, log, state, now);
  } else if (const auto* read = std::get_if<flow::RangeAnswer>(&answer.value)) {
    if (read->records.empty() || read->records.front().time_type == flow::TimeType::kNone) return;
    int64_t time_ms = read->records.front().time_ms;
    if (open.what == What::kOldestUnread)
      log.set_oldest_unread(open.topic, open.partition, open.group, time_ms);
    if (open.what == What::kFirstRecord && read->records.front().offset.value == 0)
      first_record(open, time_ms, log, state, now);
  }
}

void LagAsks::answer_bounds(const Open& open, const flow::Bounds& bounds, OperationLog& log,
                            AuditState& state, Now now) {
  TopicState* topic = state.topic(open.topic);
  if (!topic) return;
  auto it = topic->partitions.find(open.partition);
  if (it == topic->partitions.end()) return;
  const PartitionAudit& audit = it->second;
  if (audit.log_start != bounds.start || audit.log_end != bounds.end) {
    log.set_bounds(open.topic, open.partition, bounds, now.wall_ms);
  }
  // Acknowledged past the end at two rounds: a replica that lags has caught up by then.
  std::pair place{open.topic, open.partition};
  auto earlier = short_.find(place);
  if (bounds.end < open.acked_end) {
    if (earlier != short_.end() && bounds.end < earlier->second) {
      log.suspect(open.topic, open.partition, {bounds.end, earlier->second});
    }
    short_[place] = open.acked_end;
  } else if (earlier != short_.end()) {
    short_.erase(earlier);
  }
  const bool shorter = !audit.produced().empty() && bounds.end < audit.produced().end();
  const bool unknown = audit.first_time_ms < 0 && !asked_first_.contains(place);
  if (bounds.start.value == 0 && bounds.end.value > 0 &&
      (shorter || unknown || audit.twice().contains(Offset(0)))) {
    if (!shorter)
      asked_first_.insert(place);  // a first record that was compacted away is not asked for twice
    ask(state, {What::kFirstRecord, open.topic, open.partition, {}, now.steady_ms}, {Offset(0), bounds.end});
  }
  for (const auto& [name, group] : audit.groups()) {
    Offset position = group.committed().value >= 0 ? group.committed() : group.next();
    if (!group.judged() || position.value < 0) continue;
    if (position >= bounds.end) {
      if (group.oldest_unread_ms != 0) log.set_oldest_unread(open.topic, open.partition, name, 0);
    } else if (unread_open() < kUnreadMax) {
      ask(state, {What::kOldestUnread, open.topic, open.partition, name, now.steady_ms},
          {std::max(position, bounds.start), bounds.end});
    }
  }
}

size_t LagAsks::unread_open() const {
  return static_cast<size_t>(std::count_if(
      open_.begin(), open_.end(), [](const auto& item) { return item.second.what == What::kOldestUnread; }));
}

/// After a topic began anew, what was asked before tells of the old one.
void LagAsks::first_record(const Open& open, int64_t time_ms, OperationLog& log, AuditState& state, Now now) {
  const TopicState* topic = state.topic(open.topic);
  if (!topic) return;
  const int64_t before = topic->incarnation;
  log.first_record(open.topic, open.partition, time_ms);
  if (topic->incarnation == before) return;
  std::erase_if(open_, [&](const auto& item) { return item.second.topic == open.topic; });
  std::erase_if(short_, [&](const auto& item) { return item.first.first == open.topic; });
  std::erase_if(asked_first_, [&](const auto& item) { return item.first == open.topic; });
  for (const auto& [partition, audit] : topic->partitions)
    ask(state, {What::kBounds, open.topic, partition, {}, now.steady_ms}, {});
}

void LagAsks::flush(std::vector<flow::Ask>& asks) {
  for (flow::Ask& ask : ready_) asks.push_back(std::move(ask));
  ready_.clear();
}

}  // namespace waybill::audit
