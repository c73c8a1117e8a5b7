#pragma once
// Reads single ranges back, and asks the cluster about logs and groups.

#include <memory>
#include <mutex>
#include <string>

#include "source/handle.h"
#include "source/kafka.h"

namespace waybill::source {

/// librdkafka's simple consumer: it joins no group and commits nothing, so READ and DESCRIBE suffice. One
/// client per isolation level, each behind a mutex; waiting for it counts against the caller's timeout.
class KafkaRangeReader final : public flow::RangeReader {
 public:
  explicit KafkaRangeReader(LogFn log) : log_(std::move(log)) {}
  Result<void> open(const KafkaCluster& cluster);

  Result<flow::RangeAnswer> read(const flow::SourcePartition& partition, OffsetRange range,
                                 flow::Isolation isolation, const flow::ReadLimits& limits) override;
  Result<flow::Bounds> bounds(const flow::SourcePartition& partition, Millis timeout) override;
  Result<std::vector<std::pair<PartitionId, Offset>>> committed(std::string_view group,
                                                                std::string_view topic,
                                                                Millis timeout) override;
  Result<std::vector<Member>> members(std::string_view group, Millis timeout) override;
  Result<TopicSettings> topic_settings(std::string_view topic, Millis timeout) override;

 private:
  struct Reader {
    std::timed_mutex mutex;
    ClientHandle client;
  };

  LogFn log_;
  Reader committed_;
  Reader uncommitted_;
};

}  // namespace waybill::source
