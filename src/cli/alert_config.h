#pragma once
// The sections `alerts:`, `notifiers:`, `locale:` and `external_url:`. docs/alerts.md describes each key.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/alert_settings.h"
#include "cli/kpi_settings.h"
#include "cli/section.h"
#include "cli/watch_settings.h"

namespace waybill::cli {

/// What the rules may name.
struct AlertPlaces {
  const WatchConfig& watch;
  const KpiConfig& kpi;
  /// The value of `key` or `key`_file of the section; a fault at `at` when there is none or both.
  std::function<std::optional<std::string>(Section& section, std::string_view key, const YamlNode& at)>
      secret;
};

/// The rules that are on without being named, told to nobody.
std::vector<AlertDefinition> ready_alerts();

/// Faults go to `faults`, also those of `notify:` of watches. `file` is the whole file.
void read_alerts(ConfigFaults& faults, Section& file, const AlertPlaces& places, AlertConfig& out);

}  // namespace waybill::cli
