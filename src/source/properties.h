#pragma once
// From a configured cluster to librdkafka's configuration.

#include <span>
#include <string>
#include <utility>

#include "source/handle.h"
#include "source/kafka.h"

namespace waybill::source {

using Property = std::pair<const char*, std::string>;

/// librdkafka's configuration: `defaults`, then the cluster's own properties on top, then `forced` on top of
/// those. kInvalid names the property that librdkafka refuses and why.
Result<ConfHandle> make_conf(const KafkaCluster& cluster, std::span<const Property> defaults,
                             std::span<const Property> forced);

/// Sends librdkafka's own log lines to `*log`, which outlives the client; without it they are dropped. Info
/// and below count as debug.
void set_log(rd_kafka_conf_t* conf, const LogFn* log);

/// A client from the configuration, its log lines going to `log`. kInvalid with librdkafka's reason.
Result<ClientHandle> make_client(rd_kafka_type_t type, ConfHandle conf);

}  // namespace waybill::source
