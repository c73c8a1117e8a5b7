// The few changes and questions that need no consumer: a topic, the cluster's id.

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "source/admin_request.h"
#include "source/kafka.h"
#include "source/properties.h"

namespace waybill::source {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Millis kPollEvery{50};
constexpr int kRequestMs = 2000;

/// A consumer, because a producer's metadata request may create the topic.
Result<ClientHandle> open_admin(const KafkaCluster& cluster) {
  const std::array<Property, 1> defaults{{{"client.id", "waybill-admin"}}};
  const std::array<Property, 1> forced{{{"allow.auto.create.topics", "false"}}};
  auto conf = make_conf(cluster, defaults, forced);
  if (!conf) return tl::make_unexpected(conf.error());
  set_log(conf->get(), nullptr);
  return make_client(RD_KAFKA_CONSUMER, std::move(*conf));
}

struct TopicFacts {
  int32_t partitions = 0;
  int32_t brokers = 0;
};

/// kNotFound when the topic is missing.
Result<TopicFacts> look_up(rd_kafka_t* client, const std::string& name, int timeout_ms) {
  TopicHandle topic(rd_kafka_topic_new(client, name.c_str(), nullptr));
  if (!topic) return kafka_error("topic " + name, rd_kafka_last_error());
  const rd_kafka_metadata_t* metadata = nullptr;
  auto code = rd_kafka_metadata(client, 0, topic.get(), &metadata, timeout_ms);
  MetadataHandle owned(metadata);
  if (!code && metadata->topic_cnt == 1) code = metadata->topics[0].err;
  if (code) return kafka_error("topic " + name, code);
  TopicFacts facts;
  facts.brokers = metadata->broker_cnt;
  if (metadata->topic_cnt == 1) facts.partitions = metadata->topics[0].partition_cnt;
  if (facts.partitions == 0) return fail(Errc::kNotFound, "topic " + name + " does not exist");
  return facts;
}

Result<void> create(rd_kafka_t* client, const TopicSettings& topic, int32_t replicas, Millis timeout) {
  std::array<char, 512> reason{};
  std::unique_ptr<rd_kafka_NewTopic_t, Free<rd_kafka_NewTopic_destroy>> wanted(
      rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, replicas, reason.data(), reason.size()));
  if (!wanted) return fail(Errc::kInvalid, "creating topic " + topic.name + ": " + reason.data());
  for (const auto& [name, value] : topic.config) {
    rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str());
  }
  AdminRequest request(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout);
  rd_kafka_NewTopic_t* list[] = {wanted.get()};
  rd_kafka_CreateTopics(client, list, 1, request.options(), request.queue());
  auto event = request.wait("creating topic " + topic.name);
  if (!event) return tl::make_unexpected(event.error());
  size_t count = 0;
  const auto** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event->get()), &count);
  for (size_t i = 0; i < count; ++i) {
    auto code = rd_kafka_topic_result_error(results[i]);
    if (!code || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    const char* text = rd_kafka_topic_result_error_string(results[i]);
    return fail(errc_of(code),
                "creating topic " + topic.name + ": " + (text ? text : rd_kafka_err2str(code)));
  }
  return {};
}

}  // namespace

Result<int32_t> ensure_topic(const KafkaCluster& cluster, const TopicSettings& topic, Millis timeout) {
  auto end = SteadyClock::now() + timeout;
  auto client = open_admin(cluster);
  if (!client) return tl::make_unexpected(client.error());
  bool asked = false;
  while (true) {
    auto left = std::chrono::duration_cast<Millis>(end - SteadyClock::now());
    if (left.count() <= 0) return fail(Errc::kUnavailable, "topic " + topic.name + ": timed out");
    int request_ms = static_cast<int>(std::min<int64_t>(left.count(), kRequestMs));
    auto facts = look_up(client->get(), topic.name, request_ms);
    if (facts) return facts->partitions;
    if (facts.error().code == Errc::kDenied || facts.error().code == Errc::kInvalid) {
      return tl::make_unexpected(facts.error());
    }
    if (facts.error().code == Errc::kNotFound && !asked) {
      auto made = create(client->get(), topic, topic.replication_factor, left);
      // Brokers before 2.4 have no default to offer: one replica is what every cluster can hold.
      if (!made && topic.replication_factor < 0 &&
          (made.error().code == Errc::kInvalid || made.error().code == Errc::kUnsupported)) {
        made = create(client->get(), topic, 1, left);
      }
      if (!made && made.error().code != Errc::kUnavailable) return tl::make_unexpected(made.error());
      asked = made.has_value();
    }
    std::this_thread::sleep_for(kPollEvery);  // until every broker knows the new topic
  }
}

Result<std::string> cluster_id(const KafkaCluster& cluster, Millis timeout) {
  auto client = open_admin(cluster);
  if (!client) return tl::make_unexpected(client.error());
  char* id = rd_kafka_clusterid(client->get(), static_cast<int>(timeout.count()));
  if (!id)
    return fail(Errc::kUnavailable, "cluster " + cluster.name + ": no broker has told the cluster's id");
  std::string result(id);
  rd_kafka_mem_free(client->get(), id);
  return result;
}

}  // namespace waybill::source
