#pragma once
// Reports to a topic of the host's own cluster, by a client of our own in the host's librdkafka.

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "client/transport.h"
#include "plugin/rdkafka_api.h"

namespace waybill::plugin {

/// Owns one producer, made at the first call of destination(). All calls on one thread; each blocks for at
/// most 2 * kCallMs, and only until the destination is known. Never creates the audit topic: it waits for it.
class KafkaTransport : public client::Transport {
 public:
  static constexpr int kCallMs = 200;

  /// Takes over `conf`. `warn` is told once what keeps reports from leaving.
  KafkaTransport(const RdkafkaApi& api, rd_kafka_conf_t* conf, std::string topic, LogFn warn);
  ~KafkaTransport() override;

  std::optional<client::Destination> destination() override;
  bool send(PartitionId partition, std::string_view bytes) override;
  void outcomes(std::vector<client::Sent>& out) override;

  /// The cluster has answered that there is no audit topic, or that it accepts no reports from us: whoever
  /// waits for their delivery waits in vain.
  bool in_vain() const { return topic_missing_ || refused_; }
  /// The cluster has told its id.
  bool reached() const { return !cluster_id_.empty(); }
  /// The producer was made (or could not be).
  bool started() const { return conf_ == nullptr; }

 private:
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) noexcept;
  static void on_error(rd_kafka_t*, int code, const char* reason, void* self) noexcept;

  bool start();
  bool look_up_cluster();
  int32_t look_up_partitions();
  void note_refusal(rd_kafka_resp_err_t error);
  void warn_once(const std::string& what);

  const RdkafkaApi& api_;
  rd_kafka_conf_t* conf_;  ///< until started
  const std::string topic_name_;
  const LogFn warn_;
  rd_kafka_t* client_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
  std::string cluster_id_;
  std::string last_error_;
  std::vector<client::Sent> outcomes_;
  int64_t next_look_ms_ = 0;  ///< steady
  int64_t pause_ms_ = 0;
  int64_t first_look_ms_ = 0;
  bool topic_missing_ = false;
  bool refused_ = false;
  bool warned_ = false;
};

/// A configuration for the audit producer: the connection properties of `host` (brokers, TLS, SASL, sockets),
/// none of its callbacks, plugins, group, consumer, transaction or topic properties. Null when librdkafka
/// refuses. `fingerprint` becomes a text that is equal for hosts that connect in the same way; it holds no
/// secret.
rd_kafka_conf_t* audit_conf(const RdkafkaApi& api, rd_kafka_conf_t* host, std::string& fingerprint);

}  // namespace waybill::plugin
