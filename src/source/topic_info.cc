// What the brokers say about a topic's configuration.

#include <string_view>

#include "source/admin_request.h"
#include "source/range_reader.h"

namespace waybill::source {

Result<flow::RangeReader::TopicSettings> KafkaRangeReader::topic_settings(std::string_view topic,
                                                                          Millis timeout) {
  std::string name(topic);
  std::string what = "configuration of topic " + name;
  AdminRequest request(uncommitted_.client.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout);
  std::unique_ptr<rd_kafka_ConfigResource_t, Free<rd_kafka_ConfigResource_destroy>> asked(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
  rd_kafka_ConfigResource_t* list[] = {asked.get()};
  rd_kafka_DescribeConfigs(uncommitted_.client.get(), list, 1, request.options(), request.queue());
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
      if (value && std::string_view(rd_kafka_ConfigEntry_name(entry[e])) == "cleanup.policy") {
        return TopicSettings{value};
      }
    }
  }
  return fail(Errc::kUnsupported, what + ": no cleanup.policy");
}

}  // namespace waybill::source
