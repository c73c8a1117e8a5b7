#pragma once
// Elasticsearch and OpenSearch in the configuration: the section `search`, and what names its servers.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/search_settings.h"
#include "cli/section.h"
#include "search/connection.h"

namespace waybill::cli {

/// Reads `key` or its twin `key`_file; a fault at `at` when there is none.
using SearchSecret =
    std::function<std::optional<std::string>(Section& section, std::string_view key, const YamlNode& at)>;

/// A map of names to {urls, user, password, password_file, ca_file, timeout}.
std::vector<search::Server> read_search(ConfigFaults& faults, const YamlNode* node,
                                        const SearchSecret& secret);

/// The keys of a source that is an index; `path` is the section's.
void read_search_source(ConfigFaults& faults, const YamlNode& node, const std::string& path, Section& section,
                        const std::vector<search::Server>& servers, SearchSource& out);

/// `index: true`, `index: ALIAS` or a map {search, alias, keep_days}. `alias`: the default one.
void read_index(ConfigFaults& faults, const YamlNode* node, const std::string& path,
                const std::vector<search::Server>& servers, std::string_view alias, IndexSettings& out);

}  // namespace waybill::cli
