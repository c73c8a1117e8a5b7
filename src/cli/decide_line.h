#pragma once
// What `accept` and `replay` share: the request's members and the text of its ranges.

#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/config.h"

namespace waybill::cli {

/// The members that say which losses are meant, and `by`: user@host.
nlohmann::json what_json(const LossArgs& what, const ConfigWorld& world);

/// "partition 3: 100-136 (37)"
std::string range_text(const nlohmann::json& range);

}  // namespace waybill::cli
