// The functions that librdkafka calls, and conf_init(), the one exported symbol.
//
// Every one is noexcept with a catch-all: nothing may travel into the host. Share consumers (KIP-932,
// librdkafka 2.15) refuse all interceptors, so add() fails for them and they stay unaudited, with one
// warning.

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "plugin/agent.h"
#include "plugin/audited_client.h"
#include "plugin/host.h"
#include "plugin/kept.h"
#include "plugin/rdkafka_api.h"
#include "plugin/settings.h"

namespace waybill::plugin {
namespace {

constexpr const char* kName = "waybill";
constexpr int kConfDestroyIsSafe =
    0x020d0000;  ///< below, a failed rd_kafka_new() calls on_conf_destroy twice
constexpr int kBatchCallFixed = 0x02010000;

/// What belongs to one rd_kafka_conf_t. Freed with it from 2.13 on; before, its some hundred bytes stay.
struct ConfState : Kept<ConfState> {
  const RdkafkaApi* api = nullptr;
  Settings settings;
};

rd_kafka_conf_res_t on_conf_set(rd_kafka_conf_t*, const char* name, const char* value, char* errstr,
                                size_t errstr_size, void* opaque) noexcept try {
  if (std::strncmp(name, kPropertyPrefix.data(), kPropertyPrefix.size()) != 0) return RD_KAFKA_CONF_UNKNOWN;
  auto& state = *static_cast<ConfState*>(opaque);
  Result<void> done = set_property(state.settings, name, value);
  if (done) return RD_KAFKA_CONF_OK;
  if (!state.settings.required) {
    say(LogLevel::kWarn, done.error().message + "; ignored");
    return RD_KAFKA_CONF_OK;
  }
  std::string text = "waybill: " + done.error().message;
  std::strncpy(errstr, text.c_str(), errstr_size);
  if (errstr_size > 0) errstr[errstr_size - 1] = '\0';
  return done.error().code == Errc::kNotFound ? RD_KAFKA_CONF_UNKNOWN : RD_KAFKA_CONF_INVALID;
} catch (...) {
  return RD_KAFKA_CONF_OK;
}

rd_kafka_resp_err_t on_send(rd_kafka_t*, rd_kafka_message_t* message, void* opaque) noexcept try {
  static_cast<AuditedClient*>(opaque)->sent(*message);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
} catch (...) {
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_acknowledgement(rd_kafka_t*, rd_kafka_message_t* message, void* opaque) noexcept try {
  static_cast<AuditedClient*>(opaque)->acknowledged(*message);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
} catch (...) {
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_consume(rd_kafka_t*, rd_kafka_message_t* message, void* opaque) noexcept try {
  static_cast<AuditedClient*>(opaque)->consumed(*message);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
} catch (...) {
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_commit(rd_kafka_t*, const rd_kafka_topic_partition_list_t* offsets,
                              rd_kafka_resp_err_t err, void* opaque) noexcept try {
  if (err == RD_KAFKA_RESP_ERR_NO_ERROR && offsets) static_cast<AuditedClient*>(opaque)->committed(*offsets);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
} catch (...) {
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_response_received(rd_kafka_t*, int, const char*, int32_t, int16_t api_key, int16_t,
                                         int32_t, size_t size, int64_t, rd_kafka_resp_err_t err,
                                         void* opaque) noexcept try {
  if (err == RD_KAFKA_RESP_ERR_NO_ERROR) static_cast<AuditedClient*>(opaque)->answered(api_key, size);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
} catch (...) {
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_destroy(rd_kafka_t*, void* opaque) noexcept try {
  static_cast<AuditedClient*>(opaque)->destroyed();
  return RD_KAFKA_RESP_ERR_NO_ERROR;
} catch (...) {
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

std::string property(const RdkafkaApi& api, const rd_kafka_conf_t* conf, const char* name) {
  char value[512] = "";
  size_t size = sizeof(value);
  return api.rd_kafka_conf_get(conf, name, value, &size) == RD_KAFKA_CONF_OK ? std::string(value)
                                                                             : std::string();
}

tally::ClientInfo describe_client(const RdkafkaApi& api, const rd_kafka_conf_t* conf, bool producer) {
  tally::ClientInfo info;
  info.client_id = property(api, conf, "client.id");
  info.library = std::string("librdkafka ") + api.rd_kafka_version_str();
  info.kind = producer ? tally::TierKind::kProduced : tally::TierKind::kConsumed;
  if (producer) {
    info.instance = property(api, conf, "transactional.id");
    if (!info.instance.empty()) info.flags |= tally::kTransactional;
    if (property(api, conf, "enable.idempotence") == "true") info.flags |= tally::kIdempotent;
    if (property(api, conf, "request.required.acks") == "0") info.flags |= tally::kAcksZero;
  } else {
    info.group = property(api, conf, "group.id");
    info.instance = property(api, conf, "group.instance.id");
    if (property(api, conf, "isolation.level") == "read_uncommitted") info.flags |= tally::kReadUncommitted;
    if (api.version < kBatchCallFixed) info.flags |= tally::kOldBatchClient;
  }
  return info;
}

/// False when librdkafka refuses (share consumers).
bool add_hooks(const RdkafkaApi& api, rd_kafka_t* rk, bool producer, AuditedClient* client) {
  if (producer) {
    return !api.rd_kafka_interceptor_add_on_send(rk, kName, &on_send, client) &&
           !api.rd_kafka_interceptor_add_on_acknowledgement(rk, kName, &on_acknowledgement, client) &&
           !api.rd_kafka_interceptor_add_on_destroy(rk, kName, &on_destroy, client);
  }
  bool added = !api.rd_kafka_interceptor_add_on_consume(rk, kName, &on_consume, client) &&
               !api.rd_kafka_interceptor_add_on_commit(rk, kName, &on_commit, client) &&
               !api.rd_kafka_interceptor_add_on_destroy(rk, kName, &on_destroy, client);
  if (added && api.rd_kafka_interceptor_add_on_response_received) {
    api.rd_kafka_interceptor_add_on_response_received(rk, kName, &on_response_received, client);
  }
  return added;
}

rd_kafka_resp_err_t on_new(rd_kafka_t* rk, const rd_kafka_conf_t* conf, void* opaque, char*, size_t) noexcept
    try {
  const auto& state = *static_cast<const ConfState*>(opaque);
  if (!state.settings.enabled) return RD_KAFKA_RESP_ERR_NO_ERROR;
  const RdkafkaApi& api = *state.api;
  bool producer = api.rd_kafka_type(rk) == RD_KAFKA_PRODUCER;
  std::string problem;
  // rd_kafka_conf_dump() takes a pointer to non-const and changes nothing.
  Joined joined = Agent::instance().join(api, const_cast<rd_kafka_conf_t*>(conf), state.settings,
                                         describe_client(api, conf, producer), problem);
  if (!joined.tally) {
    say(LogLevel::kWarn, problem);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  auto* client = AuditedClient::keep(new AuditedClient(api, joined, state.settings.report_topic));
  if (!add_hooks(api, rk, producer, client)) {
    say(LogLevel::kWarn, "this kind of client takes no interceptors; it is not audited");
    client->destroyed();
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
} catch (...) {
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_conf_destroy(void* opaque) noexcept {
  delete static_cast<ConfState*>(opaque);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_conf_dup(rd_kafka_conf_t* fresh, const rd_kafka_conf_t* old, size_t filter_count,
                                const char** filter, void* opaque) noexcept;

/// Adds the hooks of a configuration. A second time on the same one (a duplicate gets on_conf_dup and then,
/// with plugin.library.paths, conf_init) librdkafka answers CONFLICT: then the first state stays.
bool add_conf_hooks(rd_kafka_conf_t* conf, std::unique_ptr<ConfState> state) {
  const RdkafkaApi& api = *state->api;
  if (api.rd_kafka_conf_interceptor_add_on_conf_set(conf, kName, &on_conf_set, state.get())) return false;
  ConfState* kept = state.release();
  api.rd_kafka_conf_interceptor_add_on_conf_dup(conf, kName, &on_conf_dup, kept);
  api.rd_kafka_conf_interceptor_add_on_new(conf, kName, &on_new, kept);
  if (api.version >= kConfDestroyIsSafe && api.rd_kafka_conf_interceptor_add_on_conf_destroy) {
    api.rd_kafka_conf_interceptor_add_on_conf_destroy(conf, kName, &on_conf_destroy, kept);
  } else {
    ConfState::keep(kept);
  }
  return true;
}

rd_kafka_resp_err_t on_conf_dup(rd_kafka_conf_t* fresh, const rd_kafka_conf_t*, size_t filter_count,
                                const char** filter, void* opaque) noexcept try {
  for (size_t i = 0; i < filter_count; ++i) {
    // Whoever leaves the plugin out does not want it: our own audit producer among them.
    if (std::strncmp("plugin.library.paths", filter[i], std::strlen(filter[i])) == 0)
      return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  add_conf_hooks(fresh, std::make_unique<ConfState>(*static_cast<const ConfState*>(opaque)));
  return RD_KAFKA_RESP_ERR_NO_ERROR;
} catch (...) {
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/// Writes `text` for the host and says whether its configuration is to fail.
rd_kafka_resp_err_t refuse_or_warn(bool required, const std::string& text, char* errstr, size_t errstr_size) {
  if (!required) {
    say(LogLevel::kWarn, text);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  std::string line = "waybill: " + text;
  std::strncpy(errstr, line.c_str(), errstr_size);
  if (errstr_size > 0) errstr[errstr_size - 1] = '\0';
  return RD_KAFKA_RESP_ERR__INVALID_ARG;
}

rd_kafka_resp_err_t set_up(rd_kafka_conf_t* conf, const void* caller, char* errstr, size_t errstr_size) {
  std::string problems;
  auto state = std::make_unique<ConfState>();
  state->settings = settings_from_environment(problems);
  bool required = state->settings.required;
  if (!problems.empty()) {
    problems.pop_back();
    rd_kafka_resp_err_t error = refuse_or_warn(required, problems, errstr, errstr_size);
    if (error) return error;
  }
  Result<const RdkafkaApi*> api = rdkafka_of(caller);
  if (!api) return refuse_or_warn(required, api.error().message + "; not audited", errstr, errstr_size);
  state->api = *api;
  add_conf_hooks(conf, std::move(state));
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

}  // namespace
}  // namespace waybill::plugin

/// Called by librdkafka for plugin.library.paths, on the thread that sets the property. Fails only with
/// waybill.required (here: WAYBILL_REQUIRED), because an error would keep the application from starting.
extern "C" __attribute__((visibility("default"), noinline)) rd_kafka_resp_err_t conf_init(
    rd_kafka_conf_t* conf, void** plug_opaque, char* errstr, size_t errstr_size) noexcept {
  const void* caller = __builtin_return_address(0);
  try {
    if (plug_opaque) *plug_opaque = nullptr;
    return waybill::plugin::set_up(conf, caller, errstr, errstr_size);
  } catch (...) {
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
}
