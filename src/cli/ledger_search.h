#pragma once
// Ledgers over an index of Elasticsearch or OpenSearch.

#include <string_view>
#include <vector>

#include "cli/ledger_settings.h"
#include "cli/stream_job.h"
#include "search/connection.h"
#include "source/opensearch.h"

namespace waybill::cli {

/// Documents are remembered so much longer than they are read again, because positions and times are not
/// looked at in one moment.
inline constexpr int64_t kSeenSlackMs = 60'000;

/// The configured server of that name; null: there is none.
const search::Server* search_server(const std::vector<search::Server>& servers, std::string_view name);

/// How the ledger's index is read; where to begin is left to the caller.
source::OpensearchSourceOptions search_source_options(const LedgerSettings& settings,
                                                      const search::Server& server);

/// Makes the job read the ledger's index.
void read_from_search(StreamJobSpec& job, const LedgerSettings& settings, const search::Server& server);

}  // namespace waybill::cli
