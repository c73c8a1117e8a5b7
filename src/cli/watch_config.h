#pragma once
// The sections `watches:`, `watch:` and `redact:` of the configuration. docs/watch.md describes each key.

#include <string>
#include <vector>

#include "cli/config.h"
#include "cli/section.h"
#include "cli/watch_settings.h"

namespace waybill::cli {

struct WatchSections {
  const YamlNode* watches = nullptr;
  const YamlNode* watch = nullptr;
  const YamlNode* redact = nullptr;
};

/// What `sources:` may name.
struct WatchPlaces {
  const std::vector<std::string>& names;  ///< of clusters, those with faults too
  const std::vector<ClusterConfig>& clusters;
  const std::vector<std::string>& projects;  ///< of `sls:`, those that are left out too
};

/// Faults go to `faults`. `places` null: none are known here and none are asked for.
void read_watches(ConfigFaults& faults, const WatchSections& sections, const WatchPlaces* places,
                  WatchConfig& out);

/// The watches of a configuration file, and nothing else that it names. The error is one line
/// per fault, the last without its end.
tl::expected<WatchConfig, std::string> load_watches(const std::string& path, const ConfigWorld& world);
/// The same of a text.
tl::expected<WatchConfig, std::vector<Diagnostic>> parse_watches(std::string_view text,
                                                                 const ConfigWorld& world);

/// A time at which reading begins: "begin", "end", RFC 3339, or a local time such as "2018-12-26 0:0:0" of
/// `zone`.
Result<source::StartAt> start_at(std::string_view text, std::string_view zone);

}  // namespace waybill::cli
