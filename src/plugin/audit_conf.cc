// The configuration of the audit producer, derived from the host's.

#define XXH_INLINE_ALL
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <string_view>
#include <vector>

#include "plugin/kafka_transport.h"

namespace waybill::plugin {
namespace {

/// What is taken over: how to reach the cluster and who we are to it. A name that ends in '.' is a prefix.
constexpr std::string_view kKept[] = {
    "bootstrap.servers",
    "metadata.broker.list",
    "security.protocol",
    "ssl.",
    "sasl.",
    "https.",
    "enable.ssl.certificate.verification",
    "enable.sasl.oauthbearer.unsecure.jwt",
    "socket.",
    "broker.address.",
    "broker.version.fallback",
    "api.version.",
    "client.dns.lookup",
    "reconnect.backoff.",
    "connections.max.idle.ms",
};

/// Pointers that a dump of the properties may not show: all of them belong to the host.
constexpr const char* kPointers[] = {
    "default_topic_conf",
    "opaque",
    "interceptors",
    "plugin.library.paths",
    "dr_cb",
    "dr_msg_cb",
    "error_cb",
    "throttle_cb",
    "stats_cb",
    "log_cb",
    "rebalance_cb",
    "offset_commit_cb",
    "consume_cb",
    "background_event_cb",
    "socket_cb",
    "connect_cb",
    "closesocket_cb",
    "open_cb",
    "resolve_cb",
    "oauthbearer_token_refresh_cb",
    "ssl.certificate.verify_cb",
    "ssl_engine_callback_data",
    "ssl.engine.callback.data",
    "enabled_events",
    "waybill.",
};

bool kept(std::string_view name) {
  for (std::string_view wanted : kKept) {
    if (wanted.back() == '.' ? name.substr(0, wanted.size()) == wanted : name == wanted) {
      return name.size() < 3 || name.substr(name.size() - 3) != "_cb";
    }
  }
  return false;
}

bool set(const RdkafkaApi& api, rd_kafka_conf_t* conf, const char* name, const std::string& value) {
  char reason[256];
  return api.rd_kafka_conf_set(conf, name, value.c_str(), reason, sizeof(reason)) == RD_KAFKA_CONF_OK;
}

std::string own_client_id() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host = {"unknown"};
  return "waybill-reporter-" + std::string(host.data()) + "-" + std::to_string(getpid());
}

}  // namespace

rd_kafka_conf_t* audit_conf(const RdkafkaApi& api, rd_kafka_conf_t* host, std::string& fingerprint) {
  size_t count = 0;
  const char** dump = api.rd_kafka_conf_dump(host, &count);
  std::vector<const char*> filter(std::begin(kPointers), std::end(kPointers));
  std::string taken;
  for (size_t i = 0; i + 1 < count; i += 2) {
    if (kept(dump[i])) {
      taken.append(dump[i]).append("=").append(dump[i + 1] ? dump[i + 1] : "").push_back('\n');
    } else {
      filter.push_back(dump[i]);
    }
  }
  XXH128_hash_t hash = XXH3_128bits(taken.data(), taken.size());
  fingerprint = std::to_string(hash.high64) + "-" + std::to_string(hash.low64);
  rd_kafka_conf_t* conf = api.rd_kafka_conf_dup_filter(host, filter.size(), filter.data());
  api.rd_kafka_conf_dump_free(dump, count);
  if (!conf) return nullptr;
  bool fine = set(api, conf, "client.id", own_client_id()) && set(api, conf, "acks", "all") &&
              set(api, conf, "linger.ms", "5") && set(api, conf, "message.timeout.ms", "10000") &&
              set(api, conf, "queue.buffering.max.messages", "1000") &&
              set(api, conf, "queue.buffering.max.kbytes", "65536") &&
              set(api, conf, "allow.auto.create.topics", "false");
  if (!fine) {
    api.rd_kafka_conf_destroy(conf);
    return nullptr;
  }
  return conf;
}

}  // namespace waybill::plugin
