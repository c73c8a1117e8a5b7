#include "plugin/audited_client.h"

#include <pthread.h>

#include <ctime>

namespace waybill::plugin {
namespace {

constexpr int16_t kJoinGroup = 11;
constexpr int16_t kConsumerGroupHeartbeat = 68;
constexpr int64_t kDayMs = 24LL * 3600 * 1000;

/// About 5 ns; behind by up to one tick of the kernel (4 ms).
int64_t coarse_now_ms() {
  timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1'000'000;
}

size_t thread_stripe(size_t stripes) {
  auto self = reinterpret_cast<uintptr_t>(pthread_self());
  return ((self * 0x9E3779B97F4A7C15ull) >> 40) & (stripes - 1);
}

client::Message describe(const RdkafkaApi& api, const rd_kafka_message_t& message) {
  client::Message out;
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  int64_t time = api.rd_kafka_message_timestamp(&message, &type);
  out.offset = Offset(message.offset);
  out.time_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : time;
  out.time_type = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? tally::kAppendTime : tally::kCreateTime;
  out.bytes = message.len + message.key_len;
  return out;
}

}  // namespace

client::Message trusted_time(client::Message message, int64_t now_ms, int64_t latency_ms) {
  int64_t enqueued = now_ms - latency_ms;
  if (message.time_type == tally::kAppendTime && message.time_ms >= 0 &&
      message.time_ms < enqueued - kDayMs) {
    message.time_ms = enqueued;
    message.time_type = tally::kCreateTime;
  }
  return message;
}

client::ClientTally* AuditedClient::tally() const {
  if (generation_ != Agent::generation()) [[unlikely]]
    return nullptr;
  return tally_.load(std::memory_order_acquire);
}

client::TopicTally* AuditedClient::topic(client::ClientTally& tally, rd_kafka_topic_t* handle) const {
  const char* name = api_.rd_kafka_topic_name(handle);
  if (client::TopicTally* known = tally.known_topic(handle, name)) return known;
  if (audit_topic_ == name) return nullptr;
  client::TopicTally* topic = tally.topic(handle, name);
  if (!topic) tally.drop(1);
  return topic;
}

void AuditedClient::sent(const rd_kafka_message_t& message) {
  client::ClientTally* tally = this->tally();
  if (!tally || !message.rkt) return;
  client::TopicTally* topic = this->topic(*tally, message.rkt);
  if (!topic) return;
  auto& last = last_sent_[thread_stripe(kStripes)].topic;
  if (last.load(std::memory_order_relaxed) != topic) last.store(topic, std::memory_order_relaxed);
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  int64_t time = api_.rd_kafka_message_timestamp(&message, &type);
  if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) time = coarse_now_ms();
  uint64_t bytes = message.len + message.key_len;
  if (!topic->sent(time, bytes)) topic->sent(time, bytes, coarse_now_ms());
}

/// A partitioner that fails inside rd_kafka_produce_batch() passes the application's own struct, of which
/// only `err` is filled in. It runs on the thread that has just sent the message, so the topic is the one
/// that this thread sent to last.
void AuditedClient::failed_without_topic(client::ClientTally& tally, int32_t code) {
  client::TopicTally* topic = last_sent_[thread_stripe(kStripes)].topic.load(std::memory_order_relaxed);
  if (!topic) {
    tally.drop(1);
    return;
  }
  int64_t now = coarse_now_ms();
  topic->failed(code, now, tally::kCreateTime, now);
}

void AuditedClient::acknowledged(const rd_kafka_message_t& message) {
  client::ClientTally* tally = this->tally();
  if (!tally) return;
  if (!message.rkt) {
    failed_without_topic(*tally, message.err ? message.err : RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
    return;
  }
  client::TopicTally* topic = this->topic(*tally, message.rkt);
  if (!topic) return;
  int64_t now = coarse_now_ms();
  client::Message described = describe(api_, message);
  int64_t created = described.time_type == tally::kCreateTime ? described.time_ms : -1;
  int64_t latency_ms =
      latencies_.latency_us(now, created, [&] { return api_.rd_kafka_message_latency(&message); }) / 1000;
  client::Message seen = trusted_time(described, now, latency_ms);
  rd_kafka_msg_status_t status = api_.rd_kafka_message_status(&message);
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (status == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED) {
      topic->unknown(seen.time_ms, seen.time_type, now);
    } else {
      topic->failed(message.err, seen.time_ms, seen.time_type, now);
    }
    return;
  }
  // Without PERSISTED (acks=0) whatever stands in the offset is no offset.
  bool offset_counts = status == RD_KAFKA_MSG_STATUS_PERSISTED && !(tally->info().flags & tally::kAcksZero);
  if (!offset_counts) seen.offset = Offset(-1);
  topic->acked(PartitionId(message.partition), seen, latency_ms, now);
}

void AuditedClient::consumed(const rd_kafka_message_t& message) {
  client::ClientTally* tally = this->tally();
  if (!tally || !message.rkt || message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  client::TopicTally* topic = this->topic(*tally, message.rkt);
  if (topic) topic->consumed(PartitionId(message.partition), describe(api_, message), coarse_now_ms());
}

void AuditedClient::committed(const rd_kafka_topic_partition_list_t& offsets) {
  client::ClientTally* tally = this->tally();
  if (!tally) return;
  for (int i = 0; i < offsets.cnt; ++i) {
    const rd_kafka_topic_partition_t& one = offsets.elems[i];
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR || one.offset < 0 || !one.topic || audit_topic_ == one.topic)
      continue;
    client::TopicTally* topic = tally->topic(one.topic, one.topic);
    if (topic) topic->committed(PartitionId(one.partition), Offset(one.offset));
  }
}

/// The hook sees neither the content nor the outcome of an answer. Every JoinGroup answer is taken for a
/// rebalance. Under KIP-848 heartbeats carry the assignment only when it changes, and are then longer; so a
/// heartbeat answer that is longer than the shortest one so far, and the first of a new shortest length, is
/// taken for a rebalance (an error text makes one longer too). A session too many only makes a gap
/// unprovable, it never makes a loss.
void AuditedClient::answered(int16_t api_key, size_t size) {
  client::ClientTally* tally = this->tally();
  if (!tally) return;
  if (api_key == kJoinGroup) {
    tally->rebalanced();
  } else if (api_key == kConsumerGroupHeartbeat) {
    size_t least = least_heartbeat_.load(std::memory_order_relaxed);
    if (size < least) least_heartbeat_.store(size, std::memory_order_relaxed);
    if (size != least) tally->rebalanced();
  }
}

void AuditedClient::destroyed() {
  if (!tally()) return;
  Agent::instance().leave(joined_, &tally_);
}

}  // namespace waybill::plugin
