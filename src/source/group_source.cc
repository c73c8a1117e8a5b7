#include "source/group_source.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"
#include "source/properties.h"

namespace waybill::source {
namespace {

/// Kept low so that a wait on one queue ends soon when the other has something.
constexpr Millis kSeekTimeout{2000};
constexpr int kWakeMs = 1;

const std::array<Property, 12> kDefaults{{
    {"session.timeout.ms", "6000"},  // librdkafka's 45 s leave partitions of a dead member unread for as long
    {"heartbeat.interval.ms", "500"},
    {"queued.min.messages", "100000"},
    {"queued.max.messages.kbytes", "65536"},  // bounds memory per source, overshot by one fetch at most
    {"fetch.max.bytes", "16777216"},
    {"topic.metadata.refresh.interval.ms", "5000"},  // how soon a topic that is created later is found
    {"reconnect.backoff.max.ms", "2000"},
    {"fetch.error.backoff.ms", "500"},
    {"fetch.wait.max.ms", "500"},
    {"log.connection.close", "false"},
    {"allow.auto.create.topics", "false"},
    {"isolation.level", "read_committed"},
}};

}  // namespace

GroupSource::GroupSource(KafkaSourceOptions options, flow::Assignments& assignments, const Clock& clock,
                         LogFn log)
    : options_(std::move(options)),
      assignments_(assignments),
      clock_(clock),
      log_(std::move(log)),
      arena_({.headers = options_.headers, .lines = options_.lines}) {
  if (!log_) log_ = [](LogLevel, std::string_view) {};
}

GroupSource::~GroupSource() { close(); }

Result<void> GroupSource::open() {
  if (options_.topics.empty()) return fail(Errc::kInvalid, "Kafka source: no topics");
  // A position that the log does not have is looked into by find_lost_position, never reset silently.
  const std::array<Property, 8> forced{{
      {"group.id", options_.group},
      {"client.id", options_.member},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"enable.partition.eof", "true"},
      {"auto.offset.reset", "error"},
      {"partition.assignment.strategy", options_.range_assignor ? "range" : "cooperative-sticky"},
      {"socket.keepalive.enable", "true"},
  }};
  auto conf = make_conf(options_.cluster, kDefaults, forced);
  if (!conf) return tl::make_unexpected(conf.error());
  set_log(conf->get(), &log_);
  rd_kafka_conf_set_events(conf->get(),
                           RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT | RD_KAFKA_EVENT_ERROR);
  auto client = make_client(RD_KAFKA_CONSUMER, std::move(*conf));
  if (!client) return tl::make_unexpected(client.error());
  client_ = std::move(*client);
  rd_kafka_poll_set_consumer(client_.get());
  events_.reset(rd_kafka_queue_get_consumer(client_.get()));
  messages_.reset(rd_kafka_queue_new(client_.get()));
  rd_kafka_queue_cb_event_enable(
      events_.get(),
      [](rd_kafka_t*, void* queue) { rd_kafka_queue_yield(static_cast<rd_kafka_queue_t*>(queue)); },
      messages_.get());
  {
    std::lock_guard lock(health_mutex_);
    health_.member = options_.member;
  }
  if (options_.whole) return {};
  auto topics = make_list(options_.topics.size());
  for (const auto& topic : options_.topics) {
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  if (auto code = rd_kafka_subscribe(client_.get(), topics.get())) return kafka_error("subscribing", code);
  return {};
}

Result<flow::Batch> GroupSource::poll(Millis wait) {
  ASSERT(!closed_);
  flow::Batch batch;
  if (!stop_ && next_batch(batch)) return batch;
  serve_events(events_.get(), Millis{0});
  upkeep();
  if (stop_) return tl::make_unexpected(*stop_);
  if (next_batch(batch)) return batch;  // a gap found by upkeep
  fill(wait);
  if (next_batch(batch)) heard_ms_ = clock_.now().steady_ms;
  return batch;
}

bool GroupSource::next_batch(flow::Batch& batch) {
  const Run* run = arena_.take();
  if (!run) return false;
  run->partition->delivered = run->next.value;
  run->partition->told = true;
  batch.from = run->partition->id;
  batch.records = arena_.records(*run);
  batch.next = run->next;
  batch.gap = run->gap;
  batch.lines = run->lines;
  return true;
}

void GroupSource::fill(Millis wait) {
  arena_.clear();
  last_topic_ = nullptr;
  last_state_ = nullptr;
  fetch_errors_.clear();
  consume(starving_ ? Millis{0} : wait);
  if (starving_ && arena_.empty()) {
    starving_ = false;
    wake_fetching();
    consume(wait);
  }
  starving_ = starving_ || arena_.full();
  for (const auto& [partition, text] : fetch_errors_) degrade("topic " + partition.topic, text);
}

void GroupSource::consume(Millis wait) {
  rd_kafka_consume_callback_queue(messages_.get(), static_cast<int>(wait.count()), &GroupSource::on_message,
                                  this);
}

/// librdkafka (2.0.2) stops fetching while its queue is full, and looks again after up to a second, however
/// soon the queue is empty. A request to the leaders makes it look at once; the answer is not waited for.
void GroupSource::wake_fetching() {
  auto list = make_list(partitions_.size());
  for (const auto& [partition, state] : partitions_) {
    auto known = bounds(partition);
    if (state->fetching && !state->paused && known && known->end.value > state->filled)
      append(list, partition)->offset = RD_KAFKA_OFFSET_END;
  }
  if (list->cnt > 0) rd_kafka_offsets_for_times(client_.get(), list.get(), kWakeMs);
}

/// On our thread, inside rd_kafka_consume_callback_queue.
void GroupSource::on_message(rd_kafka_message_t* message, void* self) {
  auto* source = static_cast<GroupSource*>(self);
  source->accept(*message);
  if (source->arena_.full())
    rd_kafka_yield(source->client_.get());  // the rest goes back to the head of the queue
}

void GroupSource::accept(const rd_kafka_message_t& message) {
  if (message.rkt != last_topic_ || message.partition != last_partition_ || !message.rkt) {
    last_topic_ = message.rkt;
    last_partition_ = message.partition;
    last_state_ = message.rkt ? find(rd_kafka_topic_name(message.rkt), message.partition) : nullptr;
    if (last_state_ && !message.err) recovered("topic " + last_state_->id.topic);
  }
  if (message.err && message.err != RD_KAFKA_RESP_ERR__PARTITION_EOF) return on_fetch_error(message);
  PartitionState* state = last_state_;
  // Below the position: outdated, or older records of a compressed batch. Above it by more than one: markers
  // or compaction.
  if (!state || state->paused || message.offset < state->filled) return;
  if (message.err) {
    recovered("topic " + state->id.topic);
    if (message.offset == state->filled && state->delivered == state->filled && state->told) return;
    state->filled = message.offset;
    arena_.add_mark(state, Offset(message.offset));
    return;
  }
  state->filled = message.offset + 1;
  arena_.add(state, message);
}

void GroupSource::on_fetch_error(const rd_kafka_message_t& message) {
  std::string text = rd_kafka_err2str(message.err);
  if (const char* detail = rd_kafka_message_errstr(&message)) text = detail;
  PartitionState* state = last_state_;
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
      message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    if (state) lost_positions_.try_emplace(state->id);
    return;
  }
  if (!message.rkt) return;
  fetch_errors_.push_back(
      {{options_.cluster.name, rd_kafka_topic_name(message.rkt), PartitionId(message.partition)}, text});
}

PartitionState* GroupSource::find(const char* topic, int32_t partition) {
  auto found = partitions_.find({options_.cluster.name, topic, PartitionId(partition)});
  return found == partitions_.end() ? nullptr : found->second.get();
}

/// Takes back what was copied but not handed out.
void GroupSource::forget_unread(PartitionState& state) {
  arena_.drop(&state);
  state.filled = state.delivered;
}

Result<void> GroupSource::seek(const flow::SourcePartition& partition, Offset next) {
  PartitionState* state = find(partition.topic.c_str(), partition.partition.value);
  if (!state) return fail(Errc::kNotFound, partition.str() + " is not assigned");
  arena_.drop(state);
  state->filled = state->delivered = next.value;
  lost_positions_.erase(partition);
  if (!state->fetching) return {};  // start_fetching begins there
  return seek_now(*state, next.value);
}

Result<void> GroupSource::seek_now(PartitionState& state, int64_t offset) {
  auto list = make_list(1);
  append(list, state.id)->offset = offset;
  ErrorHandle error(
      rd_kafka_seek_partitions(client_.get(), list.get(), static_cast<int>(kSeekTimeout.count())));
  auto code = error ? rd_kafka_error_code(error.get()) : list->elems[0].err;
  if (code) return kafka_error("seeking in " + state.id.str(), code);
  return {};
}

void GroupSource::pause(const flow::SourcePartition& partition) {
  PartitionState* state = find(partition.topic.c_str(), partition.partition.value);
  if (!state || state->paused) return;
  state->paused = true;
  forget_unread(*state);
  if (!state->fetching) return;
  auto list = make_list(1);
  append(list, partition);
  rd_kafka_pause_partitions(client_.get(), list.get());
}

void GroupSource::resume(const flow::SourcePartition& partition) {
  PartitionState* state = find(partition.topic.c_str(), partition.partition.value);
  if (!state || !state->paused) return;
  state->paused = false;
  if (!state->fetching) return;
  // What was fetched before the pause is gone from the queue.
  if (auto done = seek_now(*state, state->delivered); !done) lost_positions_.try_emplace(partition);
  auto list = make_list(1);
  append(list, partition);
  rd_kafka_resume_partitions(client_.get(), list.get());
}

Result<flow::Bounds> GroupSource::bounds(const flow::SourcePartition& partition) {
  int64_t low = 0, high = 0;
  auto code = rd_kafka_get_watermark_offsets(client_.get(), partition.topic.c_str(),
                                             partition.partition.value, &low, &high);
  if (code) return kafka_error("bounds of " + partition.str(), code);
  if (high < 0) return fail(Errc::kUnavailable, "bounds of " + partition.str() + " are not known yet");
  return flow::Bounds{Offset(std::max<int64_t>(low, 0)), Offset(high)};
}

void GroupSource::publish(std::span<const std::pair<flow::SourcePartition, Offset>> positions,
                          std::string_view metadata) {
  auto list = make_list(positions.size());
  for (const auto& [partition, next] : positions) {
    if (!partitions_.contains(partition)) continue;
    auto* entry = append(list, partition);
    entry->offset = next.value;
    entry->metadata = strndup(metadata.data(), metadata.size());
    entry->metadata_size = metadata.size();
  }
  if (list->cnt == 0) return;
  if (auto code = rd_kafka_commit_queue(client_.get(), list.get(), events_.get(), nullptr, nullptr)) {
    degrade("commit", rd_kafka_err2str(code));
  }
}

flow::SourceHealth GroupSource::health() const {
  flow::SourceHealth health;
  {
    std::lock_guard lock(health_mutex_);
    health = health_;
  }
  health.degraded = notes_.degraded();
  health.detail = notes_.detail();
  return health;
}

}  // namespace waybill::source
