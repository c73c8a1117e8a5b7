#pragma once
// One entry of `notifiers:`. Helper of alert_config.cc.

#include <optional>
#include <string>

#include "cli/alert_config.h"

namespace waybill::cli {

/// nullopt and faults when it cannot be used.
std::optional<alert::NotifierSettings> read_notifier(ConfigFaults& faults, const YamlNode& name,
                                                     const YamlNode& node, const AlertPlaces& places);

}  // namespace waybill::cli
