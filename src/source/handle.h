#pragma once
// librdkafka's C objects as move-only values, and its error codes as ours. For the files of this folder only.

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "flow/source.h"

namespace waybill::source {

template <auto F>
struct Free {
  template <class T>
  void operator()(T* object) const {
    F(object);
  }
};

using ConfHandle = std::unique_ptr<rd_kafka_conf_t, Free<rd_kafka_conf_destroy>>;
/// Destroying one stops its threads: up to some hundred ms. Queues and topics made from it go first.
using ClientHandle = std::unique_ptr<rd_kafka_t, Free<rd_kafka_destroy>>;
using QueueHandle = std::unique_ptr<rd_kafka_queue_t, Free<rd_kafka_queue_destroy>>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Free<rd_kafka_topic_destroy>>;
using EventHandle = std::unique_ptr<rd_kafka_event_t, Free<rd_kafka_event_destroy>>;
using MessageHandle = std::unique_ptr<rd_kafka_message_t, Free<rd_kafka_message_destroy>>;
using PartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Free<rd_kafka_topic_partition_list_destroy>>;
using MetadataHandle = std::unique_ptr<const rd_kafka_metadata_t, Free<rd_kafka_metadata_destroy>>;
using ErrorHandle = std::unique_ptr<rd_kafka_error_t, Free<rd_kafka_error_destroy>>;

inline PartitionList make_list(size_t size) {
  return PartitionList(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

/// Appends a partition; its offset is RD_KAFKA_OFFSET_INVALID.
inline rd_kafka_topic_partition_t* append(const PartitionList& list, const flow::SourcePartition& partition) {
  return rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition.value);
}

/// Our code for librdkafka's. Codes without a counterpart are kUnavailable: trying again may help.
Errc errc_of(rd_kafka_resp_err_t code);

/// "what: Broker: Unknown topic or partition".
tl::unexpected<Error> kafka_error(std::string_view what, rd_kafka_resp_err_t code);

}  // namespace waybill::source
