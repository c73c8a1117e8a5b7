#pragma once
// Aliyun SLS: logstores through their Kafka endpoint, from the section `sls:` or the variables SLS_*.
// docs/sls.md describes both.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/config.h"
#include "cli/section.h"

namespace waybill::cli {

/// The value of `key` or of its twin `key`_file; a fault at `at` when there is none.
using SecretOf =
    std::function<std::optional<std::string>(Section& section, std::string_view key, const YamlNode& at)>;

/// Appends a cluster per project to `config`, sets Config::sls_group, and notes entries that are empty or
/// incomplete in Config::sources. Does nothing when neither the section nor one of SLS_ENDPOINTS,
/// SLS_PROJECTS, SLS_LOGSTORES is there. Faults of what cannot be served at all go to `faults`.
void read_sls(ConfigFaults& faults, const YamlNode* node, const ConfigWorld& world, const SecretOf& secret,
              Config& config);

}  // namespace waybill::cli
