#pragma once
// The section `ledgers` of the configuration (docs/configuration.md).

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cli/config.h"
#include "cli/ledger_settings.h"
#include "cli/section.h"

namespace waybill::cli {

/// Reads the value of `ledgers`, a map of names to ledgers. `clusters`: the names that a source may have;
/// null when sources are not looked at, because files are read. `servers`: those under `search`.
void read_ledgers(ConfigFaults& faults, const YamlNode* node, const std::vector<std::string>* clusters,
                  const std::vector<search::Server>& servers, std::vector<LedgerSettings>& out);

/// Only the ledgers of a configuration, for `waybill ledger` with files: what else the file holds is not
/// looked at, and sources may be absent.
tl::expected<std::vector<LedgerSettings>, std::vector<Diagnostic>> parse_ledgers(std::string_view text,
                                                                                 const ConfigWorld& world);

/// Reads the file (the first default one that exists when `path` is empty). The error is ready to print: one
/// line per fault.
tl::expected<std::vector<LedgerSettings>, std::string> load_ledgers(const std::string& path,
                                                                    const ConfigWorld& world);

}  // namespace waybill::cli
