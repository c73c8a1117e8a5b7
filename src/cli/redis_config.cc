#include "cli/redis_config.h"

#include <fmt/format.h>

#include <algorithm>

namespace waybill::cli {
namespace {

constexpr Millis kTtlMin{60'000}, kTtlMax{3650LL * 24 * 3'600'000};
constexpr std::string_view kOurNames[] = {"hop", "kpi", "live", "sync"};  ///< waybill:hop:... and so on

bool is_free(std::string_view name) {
  return std::find(std::begin(kOurNames), std::end(kOurNames), name) == std::end(kOurNames);
}

void check_names(ConfigFaults& faults, const YamlNode& node, const KpiConfig& kpis) {
  for (const kpi::Definition& definition : kpis.definitions) {
    if (!is_free(definition.name))
      faults.add(node,
                 fmt::format("redis: a KPI cannot be called \"{}\" here, the keys waybill:{}... are taken",
                             definition.name, definition.name));
    for (const kpi::ValueDef& value : definition.values) {
      if (value.name.starts_with('_'))
        faults.add(node,
                   fmt::format("redis: kpis.{}: \"{}\": no value can begin with '_' here, such fields of "
                               "a hash are taken",
                               definition.name, value.name));
    }
  }
}

}  // namespace

std::optional<RedisSettings> read_redis(ConfigFaults& faults, const YamlNode* node, const KpiConfig& kpis,
                                        const ReadSecret& secret) {
  if (!node) return std::nullopt;
  Section section(faults, node, "redis");
  RedisSettings settings;
  std::string url;
  section.text("url", url);
  section.text("user", settings.login.user);
  const bool has_password = section.child("password") || section.child("password_file");
  if (has_password) {
    if (auto password = secret(section, "password", *node)) settings.login.password = std::move(*password);
  }
  section.duration("ttl", settings.ttl, {kTtlMin, kTtlMax});
  section.number("stream_length", settings.stream_length, {0, 100'000'000});
  section.number("outbox_rows", settings.outbox_rows, {1'000, 100'000'000});
  section.finish();
  if (!section.present()) return std::nullopt;
  if (!section.child("url")) {
    faults.add(*node, "redis: the key \"url\" is missing; e.g. redis://127.0.0.1:6379/0");
    return std::nullopt;
  }
  if (!settings.login.user.empty() && !has_password)
    faults.add(*section.child("user"), "redis.user: a password is needed, too; password or password_file");
  auto address = sink::parse_redis_url(url);
  if (!address) {
    faults.add(*section.child("url"), "redis.url: " + address.error().message);
    return std::nullopt;
  }
  settings.address = std::move(*address);
  check_names(faults, *node, kpis);
  return settings;
}

}  // namespace waybill::cli
