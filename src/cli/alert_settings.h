#pragma once
// What `alerts:`, `notifiers:`, `locale:` and `external_url:` say, as part of the Config.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alert/alert.h"
#include "alert/notifier.h"
#include "base/time.h"

namespace waybill::cli {

/// A rule over what the engines keep in the store. Watches with `notify:` are rules of their own.
struct AlertDefinition {
  alert::Rule rule;
  enum class Kind : uint8_t {
    kLost,
    kRedelivered,
    kUnconfirmed,
    kLag,
    kLatency,
    kUnconsumed,
    kVanished,
    kIncomplete,
    kOwnLag,
    kDegraded,
    kKpi
  } kind = Kind::kLost;
  std::vector<std::string> clusters, topics, groups;  ///< empty = all
  std::optional<double> above, below;                 ///< of the value; which unit is the kind's affair
  std::optional<Millis> older;                        ///< kLag: age of the oldest unread; kLatency: the limit
  double ratio = 0;                                   ///< kRedelivered: of what was consumed
  int64_t min_count = 0;                              ///< below it a ratio or a percentile says nothing
  Millis window{600'000};                             ///< kRedelivered, kLatency: so much of the past
  int percentile = 99;                                ///< kLatency: 50, 95 or 99
  std::string kpi, value, min_value;                  ///< kKpi; min_count is of min_value
};

struct AlertConfig {
  std::vector<AlertDefinition> definitions;  ///< with the ready ones that are not off
  std::vector<alert::NotifierSettings> notifiers;
  alert::Locale locale = alert::Locale::kEn;
  std::string external_url;  ///< with a '/' at the end; empty = http://<listen>/
};

}  // namespace waybill::cli
