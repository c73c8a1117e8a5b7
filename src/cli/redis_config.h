#pragma once
// Reads the section `redis:`.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/kpi_settings.h"
#include "cli/redis_settings.h"
#include "cli/section.h"

namespace waybill::cli {

/// Reads `key` or its twin `key`_file; a fault at `at` when there is none.
using ReadSecret =
    std::function<std::optional<std::string>(Section& section, std::string_view key, const YamlNode& at)>;

/// nullopt: there is no such section, or it has a fault. `kpis`: their names share the keys with ours.
std::optional<RedisSettings> read_redis(ConfigFaults& faults, const YamlNode* node, const KpiConfig& kpis,
                                        const ReadSecret& secret);

}  // namespace waybill::cli
