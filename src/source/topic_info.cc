// What the brokers say about a topic's configuration.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "source/admin_request.h"
#include "source/range_reader.h"

namespace waybill::source {

namespace {

/// The value of cleanup.policy.
Result<std::string> cleanup_policy(rd_kafka_t* client, const std::string& topic, Millis timeout) {
  std::string what = "configuration of topic " + topic;
  AdminRequest request(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout);
  std::unique_ptr<rd_kafka_ConfigResource_t, Free<rd_kafka_ConfigResource_destroy>> asked(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  rd_kafka_ConfigResource_t* list[] = {asked.get()};
  rd_kafka_DescribeConfigs(client, list, 1, request.options(), request.queue());
  auto event = request.wait(what);
  if (!event) return tl::make_unexpected(event.error());
  size_t count = 0;
  const auto* result = rd_kafka_event_DescribeConfigs_result(event->get());
  const auto** resources = rd_kafka_DescribeConfigs_result_resources(result, &count);
  for (size_t i = 0; i < count; ++i) {
    if (auto code = rd_kafka_ConfigResource_error(resources[i])) return kafka_error(what, code);
    size_t entries = 0;
    const auto** entry = rd_kafka_ConfigResource_configs(resources[i], &entries);
    for (size_t e = 0; e < entries; ++e) {
      const char* value = rd_kafka_ConfigEntry_value(entry[e]);
      if (value && std::string_view(rd_kafka_ConfigEntry_name(entry[e])) == "cleanup.policy") return value;
    }
  }
  return fail(Errc::kUnsupported, what + ": no cleanup.policy");
}

/// How many partitions the topic has; never creates it. -1 = nobody says.
int32_t partition_count(rd_kafka_t* client, const std::string& topic, Millis timeout) {
  TopicHandle handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  const rd_kafka_metadata_t* metadata = nullptr;
  if (!handle ||
      rd_kafka_metadata(client, 0, handle.get(), &metadata, static_cast<int>(timeout.count())) != 0) {
    return -1;
  }
  MetadataHandle owned(metadata);
  bool known = metadata->topic_cnt == 1 && metadata->topics[0].err == 0;
  return known ? metadata->topics[0].partition_cnt : -1;
}

}  // namespace

Result<flow::RangeReader::TopicSettings> KafkaRangeReader::topic_settings(std::string_view topic,
                                                                          Millis timeout) {
  std::string name(topic);
  TopicSettings settings;
  settings.partitions = partition_count(uncommitted_.client.get(), name, timeout);
  auto policy = cleanup_policy(uncommitted_.client.get(), name, timeout);
  if (policy) {
    settings.cleanup_policy = std::move(*policy);
  } else if (settings.partitions < 0) {
    return tl::make_unexpected(policy.error());
  }
  return settings;
}

}  // namespace waybill::source
