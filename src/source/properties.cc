#include "source/properties.h"

#include <syslog.h>

#include <array>

namespace waybill::source {
namespace {

Result<void> set(rd_kafka_conf_t* conf, const std::string& cluster, const char* name,
                 const std::string& value) {
  std::array<char, 512> reason{};
  if (rd_kafka_conf_set(conf, name, value.c_str(), reason.data(), reason.size()) == RD_KAFKA_CONF_OK)
    return {};
  return fail(Errc::kInvalid, "cluster " + cluster + ": " + name + ": " + reason.data());
}

void forward_log(const rd_kafka_t* client, int level, const char* facility, const char* text) noexcept {
  const auto* log = static_cast<const LogFn*>(rd_kafka_opaque(client));
  if (!log || !*log) return;
  LogLevel ours = level <= LOG_ERR      ? LogLevel::kWarn
                  : level <= LOG_NOTICE ? LogLevel::kInfo
                                        : LogLevel::kDebug;
  try {
    (*log)(ours, std::string("librdkafka ") + facility + ": " + text);
  } catch (...) {
    // A log line is not worth more: this thread belongs to librdkafka.
  }
}

void drop_log(const rd_kafka_t*, int, const char*, const char*) noexcept {}

}  // namespace

Result<ConfHandle> make_conf(const KafkaCluster& cluster, std::span<const Property> defaults,
                             std::span<const Property> forced) {
  ConfHandle conf(rd_kafka_conf_new());
  for (const auto& [name, value] : defaults) {
    if (auto done = set(conf.get(), cluster.name, name, value); !done)
      return tl::make_unexpected(done.error());
  }
  for (const auto& [name, value] : cluster.properties) {
    if (auto done = set(conf.get(), cluster.name, name.c_str(), value); !done) {
      return tl::make_unexpected(done.error());
    }
  }
  for (const auto& [name, value] : forced) {
    if (auto done = set(conf.get(), cluster.name, name, value); !done)
      return tl::make_unexpected(done.error());
  }
  return conf;
}

void set_log(rd_kafka_conf_t* conf, const LogFn* log) {
  rd_kafka_conf_set_opaque(conf, const_cast<LogFn*>(log));
  rd_kafka_conf_set_log_cb(conf, log ? forward_log : drop_log);
}

Result<ClientHandle> make_client(rd_kafka_type_t type, ConfHandle conf) {
  std::array<char, 512> reason{};
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), reason.data(), reason.size());
  if (!client) return fail(Errc::kInvalid, std::string("Kafka client: ") + reason.data());
  (void)conf.release();  // rd_kafka_new has taken it
  return ClientHandle(client);
}

}  // namespace waybill::source
