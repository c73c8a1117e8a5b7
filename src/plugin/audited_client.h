#pragma once
// What librdkafka's hooks of one client work on.

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "client/recorder.h"
#include "plugin/agent.h"
#include "plugin/kept.h"
#include "plugin/latency_sampler.h"
#include "plugin/rdkafka_api.h"

namespace waybill::plugin {

/// The state of one rd_kafka_t. Made in on_new and never freed (some 1.5 KiB): acknowledgements arrive after
/// on_destroy, from threads that nobody waits for. All calls are thread-safe and make no librdkafka call on
/// the client.
class AuditedClient : public Kept<AuditedClient> {
 public:
  /// Messages of `audit_topic` are left out: reports about reports would never end.
  AuditedClient(const RdkafkaApi& api, const Joined& joined, std::string audit_topic)
      : api_(api),
        joined_(joined),
        audit_topic_(std::move(audit_topic)),
        generation_(Agent::generation()),
        tally_(joined.tally) {}

  void sent(const rd_kafka_message_t& message);
  void acknowledged(const rd_kafka_message_t& message);
  void consumed(const rd_kafka_message_t& message);
  void committed(const rd_kafka_topic_partition_list_t& offsets);
  /// A broker has answered a request of kind `api_key` with `size` bytes.
  void answered(int16_t api_key, size_t size);
  void destroyed();

 private:
  static constexpr size_t kStripes = 16;
  struct alignas(64) LastSent {
    std::atomic<client::TopicTally*> topic{nullptr};
  };

  /// Null after the recorder let go, and in the child of a fork.
  client::ClientTally* tally() const;
  /// Null: not to be counted.
  client::TopicTally* topic(client::ClientTally& tally, rd_kafka_topic_t* handle) const;
  void failed_without_topic(client::ClientTally& tally, int32_t code);

  const RdkafkaApi& api_;
  const Joined joined_;
  const std::string audit_topic_;
  const uint32_t generation_;
  std::atomic<client::ClientTally*> tally_;
  std::atomic<size_t> least_heartbeat_{SIZE_MAX};  ///< size of the smallest ConsumerGroupHeartbeat answer
  LatencySampler latencies_;
  std::array<LastSent, kStripes> last_sent_;  ///< by thread: see failed_without_topic()
};

/// A time from a broker that lies more than a day before the message was enqueued is a broker that does not
/// know the time (librdkafka's mock answers 1234 ms): the time of enqueueing is used instead. Create times
/// are believed: a backfill is old and right. All in epoch ms, `latency_ms` since enqueueing.
client::Message trusted_time(client::Message message, int64_t now_ms, int64_t latency_ms);

}  // namespace waybill::plugin
