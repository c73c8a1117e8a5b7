#pragma once
// The host's own librdkafka, by function pointers: the plugin links none.

#include <librdkafka/rdkafka.h>

#include <string>

#include "base/result.h"

namespace waybill::plugin {

/// The functions that must exist, in every librdkafka since 1.0.
#define WAYBILL_RDKAFKA_REQUIRED(X)              \
  X(rd_kafka_version)                            \
  X(rd_kafka_version_str)                        \
  X(rd_kafka_err2str)                            \
  X(rd_kafka_last_error)                         \
  X(rd_kafka_conf_get)                           \
  X(rd_kafka_conf_set)                           \
  X(rd_kafka_conf_dump)                          \
  X(rd_kafka_conf_dump_free)                     \
  X(rd_kafka_conf_dup_filter)                    \
  X(rd_kafka_conf_destroy)                       \
  X(rd_kafka_conf_set_opaque)                    \
  X(rd_kafka_conf_set_dr_msg_cb)                 \
  X(rd_kafka_conf_set_error_cb)                  \
  X(rd_kafka_conf_set_log_cb)                    \
  X(rd_kafka_new)                                \
  X(rd_kafka_destroy)                            \
  X(rd_kafka_type)                               \
  X(rd_kafka_poll)                               \
  X(rd_kafka_clusterid)                          \
  X(rd_kafka_mem_free)                           \
  X(rd_kafka_topic_new)                          \
  X(rd_kafka_topic_destroy)                      \
  X(rd_kafka_topic_name)                         \
  X(rd_kafka_metadata)                           \
  X(rd_kafka_metadata_destroy)                   \
  X(rd_kafka_produce)                            \
  X(rd_kafka_message_timestamp)                  \
  X(rd_kafka_message_latency)                    \
  X(rd_kafka_message_status)                     \
  X(rd_kafka_conf_interceptor_add_on_new)        \
  X(rd_kafka_conf_interceptor_add_on_conf_set)   \
  X(rd_kafka_conf_interceptor_add_on_conf_dup)   \
  X(rd_kafka_interceptor_add_on_send)            \
  X(rd_kafka_interceptor_add_on_acknowledgement) \
  X(rd_kafka_interceptor_add_on_consume)         \
  X(rd_kafka_interceptor_add_on_commit)          \
  X(rd_kafka_interceptor_add_on_destroy)

/// Null where the host's librdkafka is too old to have it.
#define WAYBILL_RDKAFKA_OPTIONAL(X)                \
  X(rd_kafka_conf_interceptor_add_on_conf_destroy) \
  X(rd_kafka_interceptor_add_on_response_received) \
  X(rd_kafka_purge)

/// One loaded librdkafka. Immutable; lives for ever, as the library does.
struct RdkafkaApi {
#define WAYBILL_MEMBER(name) decltype(&::name) name = nullptr;
  WAYBILL_RDKAFKA_REQUIRED(WAYBILL_MEMBER)
  WAYBILL_RDKAFKA_OPTIONAL(WAYBILL_MEMBER)
#undef WAYBILL_MEMBER
  int version = 0;  ///< 0xMMmmrrpp
};

/// The librdkafka that contains the code address `caller`. The same answer for every call from the same
/// library. kNotFound: a required function is missing (the message names it), or `caller` is in a program
/// that exports no symbols. Thread-safe.
Result<const RdkafkaApi*> rdkafka_of(const void* caller);

}  // namespace waybill::plugin
