// Rebalances, errors, commit results, and what is looked after once in a while.

#include <algorithm>
#include <string>

#include "source/group_source.h"

namespace waybill::source {
namespace {

constexpr int64_t kUpkeepEveryMs = 500;
constexpr int64_t kProbeEveryMs = 2000;
constexpr int kProbeTimeoutMs = 300;
constexpr int64_t kQuietMs = 5000;
constexpr int kUnansweredMax = 3;  // a broker that is only busy answers one of them
constexpr int kQueryTimeoutMs = 1500;
/// A log that ends below our position is believed after this long: a new leader's replica may lag.
constexpr int64_t kBeyondHoldMs = 5000;
constexpr int64_t kLostRetryMs = 1000;
constexpr Millis kCloseTimeout{4000};
constexpr int kEventsPerPollMax = 1000;
constexpr int64_t kStillMs = 3000;
constexpr int kEndsTimeoutMs = 1000;

/// A commit that a rebalance overtook: the next owner has the store's positions and publishes them.
bool overtaken(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS || code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
         code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID || code == RD_KAFKA_RESP_ERR__NO_OFFSET ||
         code == RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST || code == RD_KAFKA_RESP_ERR__DESTROY;
}

bool about_brokers(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
         code == RD_KAFKA_RESP_ERR__RESOLVE || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
         code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL;
}

}  // namespace

void GroupSource::serve_events(rd_kafka_queue_t* queue, Millis wait) {
  for (int i = 0; i < kEventsPerPollMax; ++i) {
    EventHandle event(rd_kafka_queue_poll(queue, static_cast<int>(wait.count())));
    if (!event) return;
    on_event(event.get());
    wait = Millis{0};
  }
}

void GroupSource::on_event(rd_kafka_event_t* event) {
  switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_REBALANCE:
      return on_rebalance(rd_kafka_event_error(event), rd_kafka_event_topic_partition_list(event));
    case RD_KAFKA_EVENT_ERROR:
      return on_error(event);
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
      return on_commit(event);
    default:
      return;
  }
}

void GroupSource::on_rebalance(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t* list) {
  std::vector<flow::SourcePartition> partitions;
  for (int i = 0; list && i < list->cnt; ++i) {
    const auto& entry = list->elems[i];
    partitions.push_back({options_.cluster.name, entry.topic, PartitionId(entry.partition)});
  }
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assigned_once_ = true;
    recovered("group");
    recovered("brokers");
    for (const auto& partition : partitions) {
      partitions_.try_emplace(partition, std::make_unique<PartitionState>()).first->second->id = partition;
      recovered("topic " + partition.topic);
    }
    if (take_waiting()) return;
    // The group waits for an answer even when nothing can be fetched yet.
    if (incremental()) {
      ErrorHandle(rd_kafka_incremental_assign(client_.get(), make_list(0).get()));
    } else {
      rd_kafka_assign(client_.get(), make_list(0).get());
    }
  } else {
    bool lost = code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS || rd_kafka_assignment_lost(client_.get());
    leave(partitions, lost ? flow::RevokeReason::kLost : flow::RevokeReason::kRebalanced);
  }
}

void GroupSource::on_error(rd_kafka_event_t* event) {
  auto code = rd_kafka_event_error(event);
  std::string text = rd_kafka_event_error_string(event);
  if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
    stop_ = Error{Errc::kFenced, "member " + options_.member + ": " + text};
    return;
  }
  if (about_brokers(code)) {
    // One of several brokers may come and go without harm; all of them may not.
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__AUTHENTICATION) {
      degrade("brokers", text);
    }
    return;
  }
  auto* place = rd_kafka_event_topic_partition(event);
  std::string subject = place ? std::string("topic ") + place->topic : "group";
  if (place) rd_kafka_topic_partition_destroy(place);
  // Leaving the group for a slow poll is healed by rejoining; the revocation that comes with it is told
  // apart.
  if (code == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED)
    return log_(LogLevel::kWarn, options_.member + ": " + text);
  degrade(subject, place ? text : group_error(code, text));
}

/// With what the configuration knows of groups that this cluster refuses.
std::string GroupSource::group_error(rd_kafka_resp_err_t code, std::string_view text) const {
  std::string out(text);
  bool passing = code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
                 code == RD_KAFKA_RESP_ERR__WAIT_COORD || code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
                 code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
                 code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE;
  const std::string& note = options_.cluster.group_note;
  return passing || note.empty() ? out : out + " (group " + options_.group + "; " + note + ")";
}

void GroupSource::on_commit(rd_kafka_event_t* event) {
  auto code = rd_kafka_event_error(event);
  auto* list = rd_kafka_event_topic_partition_list(event);
  for (int i = 0; !code && list && i < list->cnt; ++i) code = list->elems[i].err;
  if (!code) {
    recovered("commit");
    recovered("brokers");
  } else if (!overtaken(code)) {
    degrade("commit", rd_kafka_err2str(code));
  }
}

void GroupSource::degrade(std::string_view subject, std::string_view text) {
  if (notes_.set(subject, text)) {
    log_(LogLevel::kWarn, options_.member + ": " + std::string(subject) + ": " + std::string(text));
  }
}

void GroupSource::recovered(std::string_view subject) {
  if (notes_.clear(subject))
    log_(LogLevel::kInfo, options_.member + ": " + std::string(subject) + ": recovered");
}

void GroupSource::upkeep() {
  int64_t now_ms = clock_.now().steady_ms;
  if (now_ms < upkeep_at_ms_) return;
  upkeep_at_ms_ = now_ms + kUpkeepEveryMs;
  if (options_.whole && now_ms >= discover_at_ms_) find_all_partitions();
  if (now_ms >= take_at_ms_) take_waiting();
  for (auto lost = lost_positions_.begin(); lost != lost_positions_.end();) {
    auto here = lost++;  // find_lost_position may erase it
    PartitionState* state = find(here->first.topic.c_str(), here->first.partition.value);
    if (!state) {
      lost_positions_.erase(here);
    } else if (!state->paused && now_ms >= here->second.next_try_ms) {
      find_lost_position(*state, here->second, now_ms);
    }
  }
  wake_still(now_ms);
  const bool in_doubt = now_ms - heard_ms_ >= kQuietMs || notes_.has("brokers");
  if (now_ms >= probe_at_ms_ && in_doubt) probe_brokers();
  refresh_health();
}

/// What stands still although the broker has more is fetched anew. Fetching ends on librdkafka's own thread
/// (2.0.2) and takes the forwarding of the partition's queue with it, which may be after assign() has set it
/// for the next fetching: then nothing arrives any more. Setting it again is always right, and a seek drops
/// what went elsewhere.
void GroupSource::wake_still(int64_t now_ms) {
  const bool was_away = now_ms - still_looked_ms_ > 3 * kUpkeepEveryMs;  // busy elsewhere: it could not move
  still_looked_ms_ = now_ms;
  std::vector<PartitionState*> still;
  for (const auto& [partition, state] : partitions_) {
    if (was_away || !state->fetching || state->paused || state->looked_at != state->delivered) {
      state->looked_at = state->delivered;
      state->still_since_ms = now_ms;
    } else if (now_ms - state->still_since_ms >= kStillMs) {
      state->still_since_ms = now_ms;
      still.push_back(state.get());
    }
  }
  if (still.empty() || notes_.has("brokers")) return;
  for (PartitionState* state : ask_for_more(still)) {
    const std::string place = state->id.str();
    log_(LogLevel::kDebug, options_.member + ": " + place + ": stands still, fetched anew");
    forward(*state);
    forget_unread(*state);
    if (auto done = seek_now(*state, state->delivered); !done) lost_positions_.try_emplace(state->id);
  }
}

/// Those of the partitions whose logs go on behind our positions, which only the brokers know: what
/// librdkafka remembers is what it fetched last. Open transactions do not count.
std::vector<PartitionState*> GroupSource::ask_for_more(const std::vector<PartitionState*>& states) {
  auto list = make_list(states.size());
  for (const auto* state : states) append(list, state->id)->offset = RD_KAFKA_OFFSET_END;
  std::vector<PartitionState*> more;
  if (rd_kafka_offsets_for_times(client_.get(), list.get(), kEndsTimeoutMs)) return more;
  for (int i = 0; i < list->cnt; ++i) {
    PartitionState* state = find(list->elems[i].topic, list->elems[i].partition);
    if (list->elems[i].err || state == nullptr) continue;
    state->end = list->elems[i].offset;
    if (state->end > state->delivered) more.push_back(state);
  }
  return more;
}

/// Nothing tells when brokers are back while there is nothing to read, and librdkafka (2.0.2) does not always
/// tell a second time that all are down, so ask.
void GroupSource::probe_brokers() {
  const rd_kafka_metadata_t* metadata = nullptr;
  auto code = rd_kafka_metadata(client_.get(), 0, nullptr, &metadata, kProbeTimeoutMs);
  MetadataHandle owned(metadata);
  unanswered_ = code ? unanswered_ + 1 : 0;
  if (!code) {
    recovered("brokers");
  } else if (unanswered_ == kUnansweredMax && !notes_.has("brokers")) {
    degrade("brokers", std::string("no answer: ") + rd_kafka_err2str(code));
  }
  probe_at_ms_ = clock_.now().steady_ms + kProbeEveryMs;
}

/// The broker does not have `delivered`. Below the log start: expired. Beyond the end for some time: the log
/// was reset. Otherwise it was a passing fault: read on where we were.
void GroupSource::find_lost_position(PartitionState& state, LostPosition& lost, int64_t now_ms) {
  lost.next_try_ms = now_ms + kLostRetryMs;
  int64_t low = 0, high = 0;
  auto code = rd_kafka_query_watermark_offsets(client_.get(), state.id.topic.c_str(),
                                               state.id.partition.value, &low, &high, kQueryTimeoutMs);
  if (code) return degrade("topic " + state.id.topic, rd_kafka_err2str(code));
  std::optional<flow::Gap> gap;
  if (state.delivered < low) {
    gap = flow::Gap{flow::Gap::Kind::kExpired, {Offset(state.delivered), Offset(low)}};
  } else if (state.delivered > high) {
    if (lost.beyond_since_ms == 0) lost.beyond_since_ms = now_ms;
    if (now_ms - lost.beyond_since_ms < kBeyondHoldMs) return;
    gap = flow::Gap{flow::Gap::Kind::kReset, {Offset(high), Offset(state.delivered)}};
  }
  // Should this fail, the partition is taken again by take_waiting, at the same place.
  if (gap) gap->counted = !options_.cluster.offsets_jump;
  int64_t next = gap ? low : state.delivered;
  if (!restart(state, next)) schedule_retry();
  if (gap) {
    log_(LogLevel::kWarn,
         options_.member + ": " + state.id.str() + ": offsets " + std::to_string(gap->range.begin.value) +
             " to " + std::to_string(gap->range.end.value - 1) +
             (gap->kind == flow::Gap::Kind::kExpired ? " expired before they were read"
                                                     : " are no longer in the log, which was reset"));
    arena_.add_mark(&state, Offset(next), gap);
  }
  recovered("topic " + state.id.topic);
  lost_positions_.erase(state.id);  // ends the life of `lost`
}

void GroupSource::refresh_health() {
  int64_t lag = 0;
  std::vector<flow::SourcePartition> owned;
  for (const auto& [partition, state] : partitions_) {
    if (!state->fetching) continue;
    owned.push_back(partition);
    auto known = bounds(partition);
    const int64_t end = std::max(state->end, known ? known->end.value : 0);
    lag += std::max<int64_t>(0, end - state->delivered);
  }
  std::lock_guard lock(health_mutex_);
  health_.partitions = std::move(owned);
  health_.lag_messages = lag;
}

void GroupSource::close() {
  if (closed_) return;
  closed_ = true;
  if (!client_) return;
  std::vector<flow::SourcePartition> owned;
  for (const auto& [partition, state] : partitions_) owned.push_back(partition);
  if (!owned.empty()) leave(owned, flow::RevokeReason::kRebalanced);
  rd_kafka_queue_cb_event_enable(events_.get(), nullptr, nullptr);
  const bool kept = dies_when_destroyed();
  QueueHandle ending(rd_kafka_queue_new(client_.get()));
  ErrorHandle refused(rd_kafka_consumer_close_queue(client_.get(), ending.get()));
  int64_t until_ms = clock_.now().steady_ms + kCloseTimeout.count();
  while (!refused && !rd_kafka_consumer_closed(client_.get()) && clock_.now().steady_ms < until_ms) {
    serve_events(ending.get(), Millis{50});
  }
  events_.reset();
  messages_.reset();
  ending.reset();
  if (kept) {
    rd_kafka_set_log_level(client_.get(), 0);
    (void)client_.release();
    return;
  }
  rd_kafka_destroy_flags(client_.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

/// librdkafka before 2.3.0 ends the process when it destroys a member of a cooperative group that was let in
/// and never got an assignment (https://github.com/confluentinc/librdkafka/issues/4312). Such a client has
/// left its group; it stays until the process ends.
bool GroupSource::dies_when_destroyed() const {
  constexpr int kCorrected = 0x02030000;
  if (options_.whole || options_.range_assignor || assigned_once_ || rd_kafka_version() >= kCorrected)
    return false;
  char* member = rd_kafka_memberid(client_.get());
  if (member == nullptr) return false;
  const bool was_let_in = *member != '\0';
  rd_kafka_mem_free(client_.get(), member);
  return was_let_in;
}

}  // namespace waybill::source
