#pragma once
// The `agent:` section of the configuration. docs/agent.md describes each key.

#include <string>
#include <vector>

#include "cli/config.h"
#include "cli/section.h"

namespace waybill::cli {

/// Reads `node` (null: there is none) to `out`, faults to `faults`. `clusters`: the configured names.
void read_agent(ConfigFaults& faults, const YamlNode* node, const std::vector<std::string>& clusters,
                AgentConfig& out);

}  // namespace waybill::cli
