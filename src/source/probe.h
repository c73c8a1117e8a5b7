#pragma once
// Single questions to a cluster with somebody's own properties, to find out what is missing. Each opens a
// client of its own and closes it: some hundred ms.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "source/kafka.h"

namespace waybill::source {

struct ReachFacts {
  int brokers = 0;
  std::string cluster_id;  ///< empty when no broker tells it
};
/// kUnavailable with the last failure that librdkafka saw (refused, TLS, credentials), kInvalid (properties).
Result<ReachFacts> probe_brokers(const KafkaCluster& cluster, Millis timeout);

/// Partition count; never creates the topic. kNotFound, kDenied (Describe is missing), kUnavailable.
Result<int32_t> probe_topic(const KafkaCluster& cluster, const std::string& topic, Millis timeout);

/// Settings of a topic by name. kDenied (DescribeConfigs is missing), kUnavailable.
Result<std::vector<std::pair<std::string, std::string>>> probe_topic_settings(const KafkaCluster& cluster,
                                                                              const std::string& topic,
                                                                              Millis timeout);

/// Fetches from the end of partition 0, without a group. kDenied (Read is missing), kUnavailable.
Result<void> probe_read(const KafkaCluster& cluster, const std::string& topic, Millis timeout);

/// Asks for a group's committed position, without joining it. kDenied, kUnavailable.
Result<void> probe_group(const KafkaCluster& cluster, const std::string& group, const std::string& topic,
                         Millis timeout);

struct WriteFacts {
  std::optional<int64_t> ahead_ms;  ///< broker's clock minus ours; known when the topic has LogAppendTime
  int64_t uncertain_ms = 0;         ///< half of the time that it took
};
/// Writes two records without key and value to partition 0. kDenied (Write is missing), kUnavailable.
Result<WriteFacts> probe_write(const KafkaCluster& cluster, const std::string& topic, const Clock& clock,
                               Millis timeout);

}  // namespace waybill::source
