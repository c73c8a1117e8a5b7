#pragma once
// Kafka through librdkafka's C API: a Source over consumer groups, a RangeReader, and the few admin calls
// that we need.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "flow/source.h"

namespace waybill::source {

/// A configured cluster: any librdkafka property passes through unchanged.
struct KafkaCluster {
  std::string name;
  std::vector<std::pair<std::string, std::string>> properties;
  bool offsets_jump = false;    ///< the distance of two offsets is no number of messages
  std::string group_note = {};  ///< what to add to the message when the group is refused
};

/// Where to begin in a partition for which neither the store nor the group has a position.
struct StartAt {
  enum class Kind : uint8_t { kBegin, kEnd, kTime } kind = Kind::kBegin;
  int64_t time_ms = 0;
};

struct KafkaSourceOptions {
  KafkaCluster cluster;
  std::string group;
  std::string member;  ///< client.id: "<group>-<host>-<pid>"
  std::vector<std::string> topics;
  StartAt start;
  std::string store_id;         ///< UUID of our store; a group whose commits carry another one is kConflict
  bool range_assignor = false;  ///< for aligned plans; else cooperative-sticky
  bool whole = false;           ///< for whole plans: every partition of the topics, no group membership
  bool headers =
      false;  ///< fill Record::headers; librdkafka allocates twice a message to tell that there are none
  bool lines = false;  ///< fill Batch::lines, when most values are single lines
};

/// Uses rd_kafka_consume_callback_queue (DESIGN section 6), session 6 s and heartbeat 0.5 s unless the
/// cluster says otherwise.
Result<std::unique_ptr<flow::Source>> make_kafka_source(KafkaSourceOptions options,
                                                        flow::Assignments& assignments, const Clock& clock,
                                                        LogFn log);

/// One reader per cluster; thread-safe. Needs READ and DESCRIBE only.
Result<std::unique_ptr<flow::RangeReader>> make_kafka_range_reader(const KafkaCluster& cluster, LogFn log);

struct TopicSettings {
  std::string name;
  int32_t partitions = 1;
  int32_t replication_factor = -1;  ///< -1 = the broker's default
  std::vector<std::pair<std::string, std::string>> config;
};

/// Creates the topic when it is missing. Returns its partition count. Errors: kDenied, kUnavailable.
Result<int32_t> ensure_topic(const KafkaCluster& cluster, const TopicSettings& topic, Millis timeout);

/// The cluster's own id, as brokers report it. kUnavailable on timeout.
Result<std::string> cluster_id(const KafkaCluster& cluster, Millis timeout);

}  // namespace waybill::source
