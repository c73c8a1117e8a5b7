#pragma once
// Forwards to a Kafka topic.

#include <functional>
#include <memory>

#include "flow/producer.h"
#include "sink/forward_sink.h"

namespace waybill::sink {

using MakeProducer = std::function<Result<std::unique_ptr<flow::Producer>>()>;

/// The record's key, value and time, and the headers `waybill-watch` (name of the watch) and
/// `waybill-source` (cluster/topic/partition/offset: tells repeats). Done is what the brokers have
/// acknowledged. A producer that failed is made anew.
std::unique_ptr<ForwardSink> make_kafka_sink(MakeProducer make);

}  // namespace waybill::sink
