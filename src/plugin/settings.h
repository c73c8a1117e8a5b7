#pragma once
// The plugin's own settings: waybill.* properties and WAYBILL_* in the environment.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace waybill::plugin {

inline constexpr std::string_view kPropertyPrefix = "waybill.";

struct Settings {
  bool enabled = true;         ///< waybill.enabled
  bool required = false;       ///< waybill.required: what would be a warning fails the client's configuration
  std::string service;         ///< waybill.service
  std::string data_center;     ///< waybill.data_center
  int64_t bucket_ms = 60'000;  ///< waybill.bucket.ms, 1000 ... 86400000
  std::string report_topic = "waybill-reports";  ///< waybill.report.topic
  int64_t report_ms = 1000;                      ///< waybill.report.interval.ms, 100 ... 2000
  int64_t flush_ms = 500;                        ///< waybill.flush.ms, 0 ... 10000
  bool operator==(const Settings&) const = default;
};

/// Sets one property by its full name ("waybill.service"); a null `value` resets it to its default.
/// kNotFound: no such property (the message lists those there are); kInvalid: not an allowed value. On error
/// nothing changes.
Result<void> set_property(Settings& settings, std::string_view name, const char* value);

/// Defaults overridden by the environment: WAYBILL_SERVICE for waybill.service and so on. Values that are not
/// allowed are left out and described in `problems`, one a line.
Settings settings_from_environment(std::string& problems);

}  // namespace waybill::plugin
