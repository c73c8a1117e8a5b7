#pragma once
// The `kpis:` section of the configuration. docs/kpi.md describes each key.

#include <string>
#include <string_view>
#include <vector>

#include "cli/config.h"
#include "cli/section.h"
#include "kpi/definition.h"

namespace waybill::cli {

/// Tables of `lookup:` are at most this large.
inline constexpr size_t kLookupBytesMax = 16 << 20;
inline constexpr size_t kLookupRowsMax = 100'000;

/// Adds the KPIs of `node` (null: none) to `out`, faults to `faults`. `clusters`: the configured names; with
/// null clusters are not checked.
void read_kpis(ConfigFaults& faults, const YamlNode* node, const ConfigWorld& world,
               const std::vector<std::string>* clusters, KpiConfig& out);

/// The `kpis:` of a configuration's text, or the first faults of that section by place.
tl::expected<KpiConfig, std::vector<Diagnostic>> parse_kpis(std::string_view text, const ConfigWorld& world);

/// Reads `kpis:` of a configuration file and nothing else that it names but tables of `lookup:`. The error is
/// ready to print.
tl::expected<KpiConfig, std::string> load_kpis(const std::string& path, const ConfigWorld& world);

/// "code,name" lines (RFC 4180; a first line of the same names as asked for is a heading) to a table.
/// kInvalid with the line: no second column, a code twice, an open quote, too many rows.
Result<kpi::Lookup> parse_lookup(std::string_view csv, std::string_view key_column,
                                 std::string_view label_column);

}  // namespace waybill::cli
