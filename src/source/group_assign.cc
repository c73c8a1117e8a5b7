// Taking and leaving partitions: the group's committed positions, the listener, where to begin.

#include <algorithm>

#include "source/group_source.h"

namespace waybill::source {
namespace {

constexpr int kCommittedTimeoutMs = 5000;
constexpr int kResolveTimeoutMs = 5000;
constexpr int kMetadataTimeoutMs = 3000;
constexpr int64_t kTakeBackoffMinMs = 500;
constexpr int64_t kTakeBackoffMaxMs = 30'000;
constexpr int64_t kDiscoverEveryMs = 30'000;
constexpr int64_t kDiscoverRetryMs = 2000;

constexpr const char* kNoTimeLookup =
    "the cluster does not find offsets by time, and nothing is skipped by guessing: start must be begin or "
    "end";

bool no_time_lookup(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE || code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION ||
         code == RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT ||
         code == RD_KAFKA_RESP_ERR_INVALID_REQUEST;
}

/// A store's id is 32 hexadecimal digits, with or without dashes. Other tools' metadata is none of our
/// business.
bool is_store_id(std::string_view text) {
  size_t digits = 0;
  for (char c : text) {
    if (c == '-') continue;
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    ++digits;
  }
  return digits == 32;
}

}  // namespace

bool GroupSource::incremental() const {
  const char* protocol = options_.whole ? nullptr : rd_kafka_rebalance_protocol(client_.get());
  return protocol && std::string_view(protocol) == "COOPERATIVE";
}

void GroupSource::schedule_retry() {
  take_backoff_ms_ = std::clamp(take_backoff_ms_ * 2, kTakeBackoffMinMs, kTakeBackoffMaxMs);
  take_at_ms_ = clock_.now().steady_ms + take_backoff_ms_;
}

/// Begins with every owned partition that is not fetched yet. False when nothing was begun.
bool GroupSource::take_waiting() {
  std::vector<flow::SourcePartition> waiting;
  for (const auto& [partition, state] : partitions_) {
    if (!state->fetching) waiting.push_back(partition);
  }
  if (waiting.empty() || stop_ || closed_) return false;
  if (!read_committed_positions(waiting)) {
    schedule_retry();
    return false;
  }
  if (stop_) return false;
  std::vector<flow::SourcePartition> taken = assignments_.assigned(waiting);
  std::vector<PartitionState*> states;
  for (const auto& partition : taken) {
    if (auto* state = find(partition.topic.c_str(), partition.partition.value)) states.push_back(state);
  }
  if (states.size() < waiting.size()) schedule_retry();
  if (states.empty()) return false;
  if (!start_fetching(states)) {
    assignments_.revoked(taken, flow::RevokeReason::kRebalanced);
    schedule_retry();
    return false;
  }
  if (states.size() == waiting.size()) take_backoff_ms_ = 0;
  return true;
}

/// The group's positions, and whether another store wrote them.
bool GroupSource::read_committed_positions(const std::vector<flow::SourcePartition>& partitions) {
  auto list = make_list(partitions.size());
  for (const auto& partition : partitions) append(list, partition);
  auto code = rd_kafka_committed(client_.get(), list.get(), kCommittedTimeoutMs);
  for (int i = 0; !code && i < list->cnt; ++i) code = list->elems[i].err;
  if (code) {
    degrade("group", "reading its positions: " + group_error(code, rd_kafka_err2str(code)));
    return false;
  }
  recovered("group");
  for (int i = 0; i < list->cnt; ++i) {
    const auto& entry = list->elems[i];
    std::string_view metadata(static_cast<const char*>(entry.metadata),
                              entry.metadata ? entry.metadata_size : 0);
    if (is_store_id(metadata) && metadata != options_.store_id) {
      stop_ = Error{Errc::kConflict, "group " + options_.group + " is fed into another store (id " +
                                         std::string(metadata) + ", ours is " + options_.store_id +
                                         "): use the same store, or another group"};
      return true;
    }
    PartitionState* state = find(entry.topic, entry.partition);
    if (state) state->committed = entry.offset >= 0 ? entry.offset : PartitionState::kUnset;
  }
  return true;
}

/// Positions by time for those that have none: RD_KAFKA_OFFSET_BEGINNING, RD_KAFKA_OFFSET_END or epoch ms.
bool GroupSource::resolve_start(const std::vector<PartitionState*>& states, int64_t time) {
  auto list = make_list(states.size());
  for (const auto* state : states) append(list, state->id)->offset = time;
  auto code = rd_kafka_offsets_for_times(client_.get(), list.get(), kResolveTimeoutMs);
  for (int i = 0; !code && i < list->cnt; ++i) code = list->elems[i].err;
  if (code) {
    degrade("group", std::string("finding where to begin: ") + rd_kafka_err2str(code) +
                         (no_time_lookup(code) && time >= 0 ? std::string(": ") + kNoTimeLookup : ""));
    return false;
  }
  std::vector<PartitionState*> later;  // nothing is as new as the time asked for
  for (int i = 0; i < list->cnt; ++i) {
    PartitionState* state = find(list->elems[i].topic, list->elems[i].partition);
    if (list->elems[i].offset >= 0) {
      state->filled = state->delivered = list->elems[i].offset;
    } else {
      later.push_back(state);
    }
  }
  if (later.empty()) return true;
  if (time == RD_KAFKA_OFFSET_END || (time >= 0 && !times_are_known(later))) return false;
  return resolve_start(later, RD_KAFKA_OFFSET_END);
}

/// Nothing is as new as the time that was asked for: then the end is right. An endpoint that finds nothing
/// since 1970 either, in a log that is not empty, does not look at times; its end would skip all there is.
bool GroupSource::times_are_known(const std::vector<PartitionState*>& states) {
  auto list = make_list(states.size());
  for (const auto* state : states) append(list, state->id)->offset = 0;
  auto code = rd_kafka_offsets_for_times(client_.get(), list.get(), kResolveTimeoutMs);
  for (int i = 0; !code && i < list->cnt; ++i) {
    code = list->elems[i].err;
    if (code || list->elems[i].offset >= 0) continue;
    int64_t low = 0, high = 0;
    code = rd_kafka_query_watermark_offsets(client_.get(), list->elems[i].topic, list->elems[i].partition,
                                            &low, &high, kResolveTimeoutMs);
    if (code || low >= high) continue;
    degrade("group", std::string("finding where to begin in ") + list->elems[i].topic + ": " + kNoTimeLookup);
    return false;
  }
  if (code) degrade("group", std::string("finding where to begin: ") + rd_kafka_err2str(code));
  return !code;
}

bool GroupSource::start_fetching(const std::vector<PartitionState*>& states) {
  std::vector<PartitionState*> fresh;
  for (auto* state : states) {
    if (state->delivered == PartitionState::kUnset) state->filled = state->delivered = state->committed;
    if (state->delivered == PartitionState::kUnset) fresh.push_back(state);
  }
  int64_t time = options_.start.kind == StartAt::Kind::kBegin ? RD_KAFKA_OFFSET_BEGINNING
                 : options_.start.kind == StartAt::Kind::kEnd ? RD_KAFKA_OFFSET_END
                                                              : options_.start.time_ms;
  if (!fresh.empty() && !resolve_start(fresh, time)) return false;
  return assign(states);
}

void GroupSource::forward(const PartitionState& state) {
  QueueHandle queue(
      rd_kafka_queue_get_partition(client_.get(), state.id.topic.c_str(), state.id.partition.value));
  if (queue) rd_kafka_queue_forward(queue.get(), messages_.get());
}

/// Fetches `states` from where they stand, beside what is fetched already.
bool GroupSource::assign(const std::vector<PartitionState*>& states) {
  bool add = incremental();
  auto list = make_list(partitions_.size());
  auto pauses = make_list(states.size());
  if (!add) {
    // The whole assignment is replaced: those that are read already go on where they are. librdkafka ends the
    // forwarding of a partition's queue when its fetching stops.
    for (const auto& [partition, state] : partitions_) {
      if (!state->fetching) continue;
      forget_unread(*state);
      forward(*state);
      append(list, partition)->offset = state->delivered;
    }
  }
  for (auto* state : states) {
    forward(*state);
    append(list, state->id)->offset = state->delivered;
    if (state->paused) append(pauses, state->id);
  }
  std::string refused;
  if (add) {
    ErrorHandle error(rd_kafka_incremental_assign(client_.get(), list.get()));
    if (error) refused = rd_kafka_error_string(error.get());
  } else if (auto code = rd_kafka_assign(client_.get(), list.get())) {
    refused = rd_kafka_err2str(code);
  }
  if (!refused.empty()) {
    degrade("group", "assigning: " + refused);
    return false;
  }
  for (auto* state : states) state->fetching = true;
  if (pauses->cnt > 0) rd_kafka_pause_partitions(client_.get(), pauses.get());
  refresh_health();
  return true;
}

/// Begins anew at an offset. A seek is refused by a partition whose fetching has stopped (librdkafka 2.0.2),
/// this is not.
bool GroupSource::restart(PartitionState& state, int64_t offset) {
  arena_.drop(&state);
  unassign({&state});
  state.fetching = false;
  state.filled = state.delivered = offset;
  return assign({&state});
}

void GroupSource::unassign(const std::vector<PartitionState*>& states) {
  if (incremental()) {
    auto list = make_list(states.size());
    for (const auto* state : states) {
      if (state->fetching) append(list, state->id);
    }
    ErrorHandle error(rd_kafka_incremental_unassign(client_.get(), list.get()));
    if (error)
      log_(LogLevel::kWarn, options_.member + ": unassigning: " + rd_kafka_error_string(error.get()));
  } else {
    rd_kafka_assign(client_.get(), nullptr);
  }
}

/// librdkafka (2.0.2) keeps the pause of a partition that is given away: should it come back, it would never
/// be read again.
void GroupSource::end_pauses(const std::vector<PartitionState*>& states) {
  auto paused = make_list(states.size());
  for (const auto* state : states) {
    if (state->paused) append(paused, state->id);
  }
  if (paused->cnt > 0) rd_kafka_resume_partitions(client_.get(), paused.get());
}

void GroupSource::leave(const std::vector<flow::SourcePartition>& partitions, flow::RevokeReason reason) {
  std::vector<PartitionState*> states;
  std::vector<flow::SourcePartition> told;
  for (const auto& partition : partitions) {
    PartitionState* state = find(partition.topic.c_str(), partition.partition.value);
    if (!state) continue;
    arena_.drop(state);
    states.push_back(state);
    if (state->fetching) told.push_back(partition);
  }
  if (!told.empty()) assignments_.revoked(told, reason);
  end_pauses(states);
  unassign(states);
  last_topic_ = nullptr;
  last_state_ = nullptr;
  for (const auto& partition : partitions) {
    lost_positions_.erase(partition);
    partitions_.erase(partition);
  }
  refresh_health();
}

/// Whole: all partitions of all topics, once all topics are there. A changed set is left and taken anew.
void GroupSource::find_all_partitions() {
  discover_at_ms_ = clock_.now().steady_ms + kDiscoverRetryMs;
  std::vector<flow::SourcePartition> all;
  for (const auto& name : options_.topics) {
    TopicHandle topic(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
    const rd_kafka_metadata_t* metadata = nullptr;
    auto code = rd_kafka_metadata(client_.get(), 0, topic.get(), &metadata, kMetadataTimeoutMs);
    MetadataHandle owned(metadata);
    if (!code && metadata->topic_cnt == 1) code = metadata->topics[0].err;
    if (!code && metadata->topics[0].partition_cnt == 0) code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (code) return degrade("topic " + name, rd_kafka_err2str(code));
    recovered("topic " + name);
    for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) {
      all.push_back({options_.cluster.name, name, PartitionId(metadata->topics[0].partitions[i].id)});
    }
  }
  recovered("brokers");
  discover_at_ms_ = clock_.now().steady_ms + kDiscoverEveryMs;
  std::sort(all.begin(), all.end());
  std::vector<flow::SourcePartition> before;
  for (const auto& [partition, state] : partitions_) before.push_back(partition);
  if (all == before) return;
  if (!before.empty()) leave(before, flow::RevokeReason::kRebalanced);
  for (const auto& partition : all) {
    partitions_.try_emplace(partition, std::make_unique<PartitionState>()).first->second->id = partition;
  }
  take_at_ms_ = 0;
}

}  // namespace waybill::source
