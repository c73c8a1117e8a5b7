#include "source/probe.h"

#include <array>
#include <chrono>

#include "source/admin_request.h"
#include "source/properties.h"

namespace waybill::source {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kPollMs = 100;

/// What a client's callbacks have told. Outlives the client.
struct Told {
  std::string error;  ///< the last one
  bool delivered = false;
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  rd_kafka_timestamp_type_t time_type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  int64_t time_ms = 0;
  int64_t at_wall_ms = 0;
  const Clock* clock = nullptr;
};

void on_error(rd_kafka_t*, int, const char* reason, void* opaque) {
  static_cast<Told*>(opaque)->error = reason ? reason : "";
}

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto* told = static_cast<Told*>(opaque);
  told->delivered = true;
  told->code = message->err;
  told->time_ms = rd_kafka_message_timestamp(message, &told->time_type);
  told->at_wall_ms = told->clock->now().wall_ms;
}

Result<ClientHandle> open_probe(const KafkaCluster& cluster, rd_kafka_type_t type,
                                std::span<const Property> forced, Told& told) {
  const std::array<Property, 1> defaults{{{"client.id", "waybill-doctor"}}};
  auto conf = make_conf(cluster, defaults, forced);
  if (!conf) return tl::make_unexpected(conf.error());
  set_log(conf->get(), nullptr);
  rd_kafka_conf_set_opaque(conf->get(), &told);
  rd_kafka_conf_set_error_cb(conf->get(), on_error);
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf->get(), on_delivery);
  return make_client(type, std::move(*conf));
}

Result<ClientHandle> open_reader(const KafkaCluster& cluster, const std::string& group, Told& told) {
  const std::array<Property, 5> forced{{{"allow.auto.create.topics", "false"},
                                        {"enable.auto.commit", "false"},
                                        {"enable.partition.eof", "true"},
                                        {"auto.offset.reset", "latest"},
                                        {"group.id", group}}};
  return open_probe(cluster, RD_KAFKA_CONSUMER, forced, told);
}

/// The error with what librdkafka has noticed meanwhile, which names the real reason of a time-out.
tl::unexpected<Error> with_reason(rd_kafka_t* client, std::string_view what, rd_kafka_resp_err_t code,
                                  const Told& told) {
  rd_kafka_poll(client, 0);  // hands over what on_error has not seen
  auto error = kafka_error(what, code);
  if (!told.error.empty()) error.value().message += " (" + told.error + ")";
  return error;
}

int as_int(Millis timeout) { return static_cast<int>(timeout.count()); }

}  // namespace

Result<ReachFacts> probe_brokers(const KafkaCluster& cluster, Millis timeout) {
  Told told;
  auto client = open_reader(cluster, "waybill-doctor", told);
  if (!client) return tl::make_unexpected(client.error());
  const rd_kafka_metadata_t* metadata = nullptr;
  if (auto code = rd_kafka_metadata(client->get(), 0, nullptr, &metadata, as_int(timeout)))
    return with_reason(client->get(), "asking for the brokers", code, told);
  MetadataHandle owned(metadata);
  ReachFacts facts{metadata->broker_cnt, {}};
  if (char* id = rd_kafka_clusterid(client->get(), as_int(timeout))) {
    facts.cluster_id = id;
    rd_kafka_mem_free(client->get(), id);
  }
  return facts;
}

Result<int32_t> probe_topic(const KafkaCluster& cluster, const std::string& topic, Millis timeout) {
  Told told;
  auto client = open_reader(cluster, "waybill-doctor", told);
  if (!client) return tl::make_unexpected(client.error());
  TopicHandle handle(rd_kafka_topic_new(client->get(), topic.c_str(), nullptr));
  if (!handle) return kafka_error("topic " + topic, rd_kafka_last_error());
  const rd_kafka_metadata_t* metadata = nullptr;
  if (auto code = rd_kafka_metadata(client->get(), 0, handle.get(), &metadata, as_int(timeout)))
    return with_reason(client->get(), "topic " + topic, code, told);
  MetadataHandle owned(metadata);
  if (metadata->topic_cnt != 1) return fail(Errc::kNotFound, "topic " + topic + " does not exist");
  if (metadata->topics[0].err) return kafka_error("topic " + topic, metadata->topics[0].err);
  return metadata->topics[0].partition_cnt;
}

Result<std::vector<std::pair<std::string, std::string>>> probe_topic_settings(const KafkaCluster& cluster,
                                                                              const std::string& topic,
                                                                              Millis timeout) {
  Told told;
  auto client = open_reader(cluster, "waybill-doctor", told);
  if (!client) return tl::make_unexpected(client.error());
  std::unique_ptr<rd_kafka_ConfigResource_t, Free<rd_kafka_ConfigResource_destroy>> wanted(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  AdminRequest request(client->get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout);
  rd_kafka_ConfigResource_t* list[] = {wanted.get()};
  rd_kafka_DescribeConfigs(client->get(), list, 1, request.options(), request.queue());
  auto event = request.wait("settings of topic " + topic);
  if (!event) return tl::make_unexpected(event.error());
  size_t count = 0;
  const auto** resources =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event->get()), &count);
  std::vector<std::pair<std::string, std::string>> settings;
  for (size_t i = 0; i < count; ++i) {
    if (auto code = rd_kafka_ConfigResource_error(resources[i]))
      return kafka_error("settings of topic " + topic, code);
    size_t entries = 0;
    const auto** all = rd_kafka_ConfigResource_configs(resources[i], &entries);
    for (size_t j = 0; j < entries; ++j) {
      const char* value = rd_kafka_ConfigEntry_value(all[j]);
      settings.emplace_back(rd_kafka_ConfigEntry_name(all[j]), value ? value : "");
    }
  }
  return settings;
}

Result<void> probe_read(const KafkaCluster& cluster, const std::string& topic, Millis timeout) {
  Told told;
  auto client = open_reader(cluster, "waybill-doctor", told);
  if (!client) return tl::make_unexpected(client.error());
  rd_kafka_poll_set_consumer(client->get());
  PartitionList list = make_list(1);
  append(list, {cluster.name, topic, PartitionId(0)})->offset = RD_KAFKA_OFFSET_END;
  if (auto code = rd_kafka_assign(client->get(), list.get())) return kafka_error("reading " + topic, code);
  auto end = SteadyClock::now() + timeout;
  while (SteadyClock::now() < end) {
    MessageHandle message(rd_kafka_consumer_poll(client->get(), kPollMs));
    if (!message) continue;
    if (!message->err || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return {};
    Errc code = errc_of(message->err);
    if (code == Errc::kDenied || code == Errc::kNotFound)
      return kafka_error("reading " + topic, message->err);
    told.error = rd_kafka_err2str(message->err);  // a passing failure, librdkafka tries again
  }
  return with_reason(client->get(), "reading " + topic, RD_KAFKA_RESP_ERR__TIMED_OUT, told);
}

Result<void> probe_group(const KafkaCluster& cluster, const std::string& group, const std::string& topic,
                         Millis timeout) {
  Told told;
  auto client = open_reader(cluster, group, told);
  if (!client) return tl::make_unexpected(client.error());
  PartitionList list = make_list(1);
  append(list, {cluster.name, topic, PartitionId(0)});
  if (auto code = rd_kafka_committed(client->get(), list.get(), as_int(timeout)))
    return with_reason(client->get(), "group " + group, code, told);
  if (auto code = list->elems[0].err) return kafka_error("group " + group, code);
  return {};
}

Result<WriteFacts> probe_write(const KafkaCluster& cluster, const std::string& topic, const Clock& clock,
                               Millis timeout) {
  Told told;
  told.clock = &clock;
  const std::array<Property, 3> forced{
      {{"acks", "all"}, {"linger.ms", "0"}, {"message.timeout.ms", std::to_string(timeout.count())}}};
  auto client = open_probe(cluster, RD_KAFKA_PRODUCER, forced, told);
  if (!client) return tl::make_unexpected(client.error());
  // Twice, because the first one waits for connections and says little about the clock.
  int64_t began_wall_ms = 0;
  for (int round = 0; round < 2; ++round) {
    told.delivered = false;
    began_wall_ms = clock.now().wall_ms;
    auto code = rd_kafka_producev(client->get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(0),
                                  RD_KAFKA_V_END);
    auto end = SteadyClock::now() + timeout + Millis(500);
    while (!code && !told.delivered && SteadyClock::now() < end) rd_kafka_poll(client->get(), kPollMs);
    if (!code && !told.delivered) code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (!code) code = told.code;
    if (code) return with_reason(client->get(), "writing to " + topic, code, told);
  }
  WriteFacts facts;
  facts.uncertain_ms = (told.at_wall_ms - began_wall_ms + 1) / 2;
  if (told.time_type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME)
    facts.ahead_ms = told.time_ms - (began_wall_ms + facts.uncertain_ms);
  return facts;
}

}  // namespace waybill::source
