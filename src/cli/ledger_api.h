#pragma once
// The ledgers in the HTTP API, from the store's rows (http/openapi.yaml).

#include <string>
#include <string_view>

#include "audit/query.h"
#include "base/result.h"
#include "cli/ledger_settings.h"
#include "flow/store.h"

namespace waybill::cli {

/// Errors as in audit/query.h. Figures are those of the rows that retention has kept.
Result<std::string> ledgers_json(flow::Store& store, const std::vector<LedgerSettings>& ledgers);
Result<std::string> ledger_buckets_json(flow::Store& store, const LedgerSettings& ledger,
                                        const audit::Params& params, Now now);
Result<std::string> ledger_exceptions_json(flow::Store& store, const LedgerSettings& ledger,
                                           const audit::Params& params, Now now);

}  // namespace waybill::cli
