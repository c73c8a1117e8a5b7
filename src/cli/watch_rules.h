#pragma once
// Rules of watches in YAML and on the command line.

#include <optional>
#include <string>
#include <string_view>

#include "cli/section.h"
#include "watch/condition.h"

namespace waybill::cli {

/// `where:`: a map of fields (all must hold), with any:, all: and not:. nullopt and faults with their places
/// when it is wrong.
std::optional<watch::Condition> read_where(ConfigFaults& faults, const YamlNode& node,
                                           const std::string& path);
/// `text:`: a test on the whole message: a pattern, or a map such as {contains: ...}.
std::optional<watch::Condition> read_text_rule(ConfigFaults& faults, const YamlNode& node,
                                               const std::string& path);

/// "FIELD=PATTERN", split at the first '='.
Result<watch::Condition> match_argument(std::string_view argument);
Result<watch::Condition> text_argument(std::string_view pattern);

}  // namespace waybill::cli
