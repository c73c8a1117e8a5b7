#pragma once
// A flow::Producer over librdkafka.

#include <memory>
#include <string>

#include "flow/producer.h"
#include "source/kafka.h"

namespace waybill::source {

struct KafkaProducerOptions {
  KafkaCluster cluster;
  std::string topic;
  std::string client_id;
  int64_t in_flight_bytes_max = 2 << 20;  ///< keys, values and headers that wait for an acknowledgement
  int64_t record_bytes_max = 1'000'000;   ///< of a value
};

/// Idempotent, acks=all, tried again without end: only what no broker takes is refused, and a failure means
/// that the topic cannot be written to (rights, deleted) or that the broker has lost track of this producer.
/// Keys choose the partition as Java's producer does. lz4 and a linger of 5 ms unless the cluster's
/// properties say otherwise; memory: about three times in_flight_bytes_max. kInvalid: a property is refused.
/// The log outlives it.
Result<std::unique_ptr<flow::Producer>> make_kafka_producer(const KafkaProducerOptions& options,
                                                            const LogFn& log);

}  // namespace waybill::source
