#include "plugin/kafka_transport.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/time.h"

namespace waybill::plugin {
namespace {

constexpr int64_t kPauseMinMs = 100;
constexpr int64_t kPauseMaxMs = 5000;
constexpr int64_t kPatienceMs = 10'000;  ///< before an unreachable cluster is worth a warning

/// What trying again does not help against, until somebody changes the cluster.
bool refusal(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
         error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
         error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
}

void discard_log(const rd_kafka_t*, int, const char*, const char*) noexcept {}

}  // namespace

KafkaTransport::KafkaTransport(const RdkafkaApi& api, rd_kafka_conf_t* conf, std::string topic, LogFn warn)
    : api_(api), conf_(conf), topic_name_(std::move(topic)), warn_(std::move(warn)) {}

KafkaTransport::~KafkaTransport() {
  if (conf_) api_.rd_kafka_conf_destroy(conf_);
  if (topic_) api_.rd_kafka_topic_destroy(topic_);
  if (client_) {
    if (api_.rd_kafka_purge) api_.rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    api_.rd_kafka_destroy(client_);
  }
}

void KafkaTransport::warn_once(const std::string& what) {
  if (std::exchange(warned_, true)) return;
  warn_(LogLevel::kWarn, what);
}

bool KafkaTransport::start() {
  if (!conf_) return client_ != nullptr;
  rd_kafka_conf_t* conf = std::exchange(conf_, nullptr);
  api_.rd_kafka_conf_set_opaque(conf, this);
  api_.rd_kafka_conf_set_dr_msg_cb(conf, &on_delivery);
  api_.rd_kafka_conf_set_error_cb(conf, &on_error);
  api_.rd_kafka_conf_set_log_cb(conf, &discard_log);
  char reason[512] = "";
  client_ = api_.rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
  if (!client_) {
    api_.rd_kafka_conf_destroy(conf);
    warn_once(std::string("no client for reports: ") + reason);
    return false;
  }
  topic_ = api_.rd_kafka_topic_new(client_, topic_name_.c_str(), nullptr);
  return topic_ != nullptr;
}

bool KafkaTransport::look_up_cluster() {
  if (!cluster_id_.empty()) return true;
  char* id = api_.rd_kafka_clusterid(client_, kCallMs);
  if (!id) return false;
  cluster_id_ = id;
  api_.rd_kafka_mem_free(client_, id);
  return !cluster_id_.empty();
}

/// Asks for this topic alone. A producer's metadata request creates topics unless allow.auto.create.topics
/// was set to false, which audit_conf() does (librdkafka looks at it for producers too when it was set;
/// brokers obey from 0.11 on).
int32_t KafkaTransport::look_up_partitions() {
  const rd_kafka_metadata_t* metadata = nullptr;
  if (api_.rd_kafka_metadata(client_, 0, topic_, &metadata, kCallMs) != RD_KAFKA_RESP_ERR_NO_ERROR) return 0;
  int32_t partitions = 0;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    if (topic_name_ != metadata->topics[i].topic) continue;
    rd_kafka_resp_err_t error = metadata->topics[i].err;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) partitions = metadata->topics[i].partition_cnt;
    topic_missing_ = error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (refusal(error)) note_refusal(error);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) last_error_ = api_.rd_kafka_err2str(error);
  }
  api_.rd_kafka_metadata_destroy(metadata);
  return partitions;
}

std::optional<client::Destination> KafkaTransport::destination() {
  int64_t now = system_clock().now().steady_ms;
  if (now < next_look_ms_ || !start()) return std::nullopt;
  if (first_look_ms_ == 0) first_look_ms_ = now;
  api_.rd_kafka_poll(client_, 0);
  int32_t partitions = look_up_cluster() ? look_up_partitions() : 0;
  if (partitions > 0) {
    topic_missing_ = refused_ = false;
    return client::Destination{cluster_id_, partitions};
  }
  pause_ms_ = std::clamp(pause_ms_ * 2, kPauseMinMs, kPauseMaxMs);
  next_look_ms_ = system_clock().now().steady_ms + pause_ms_;
  if (topic_missing_) {
    warn_once("there is no topic " + topic_name_ + " yet; counts are kept until `waybill run` creates it");
  } else if (now - first_look_ms_ > kPatienceMs) {
    warn_once("reports cannot be sent yet: " +
              (last_error_.empty() ? "the cluster does not answer" : last_error_));
  }
  return std::nullopt;
}

bool KafkaTransport::send(PartitionId partition, std::string_view bytes) {
  if (api_.rd_kafka_produce(topic_, partition.value, RD_KAFKA_MSG_F_COPY, const_cast<char*>(bytes.data()),
                            bytes.size(), nullptr, 0,
                            reinterpret_cast<void*>(static_cast<intptr_t>(partition.value))) == 0)
    return true;
  if (const rd_kafka_resp_err_t error = api_.rd_kafka_last_error(); refusal(error)) note_refusal(error);
  return false;
}

void KafkaTransport::note_refusal(rd_kafka_resp_err_t error) {
  refused_ = true;
  warn_once("reports to topic " + topic_name_ + " are refused: " + api_.rd_kafka_err2str(error) +
            "; counts are kept, within bounds, until they are accepted");
}

void KafkaTransport::outcomes(std::vector<client::Sent>& out) {
  if (!client_) return;
  api_.rd_kafka_poll(client_, 0);
  out.insert(out.end(), outcomes_.begin(), outcomes_.end());
  outcomes_.clear();
}

void KafkaTransport::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) noexcept try {
  auto partition = static_cast<int32_t>(reinterpret_cast<intptr_t>(message->_private));
  auto* transport = static_cast<KafkaTransport*>(self);
  transport->outcomes_.push_back({PartitionId(partition), message->err == 0});
  if (message->err == 0) transport->refused_ = false;
  if (refusal(message->err)) transport->note_refusal(message->err);
} catch (...) {
  // No memory for one outcome: the report counts as under way for ever and newer ones wait; nothing is
  // counted twice.
}

void KafkaTransport::on_error(rd_kafka_t*, int, const char* reason, void* self) noexcept try {
  if (reason) static_cast<KafkaTransport*>(self)->last_error_ = reason;
} catch (...) {
}

}  // namespace waybill::plugin
