#pragma once
// The ledgers in `waybill run`: a job for each that has a source, and the routes that read their rows.

#include "cli/config.h"
#include "cli/engines.h"

namespace waybill::cli {

/// What `ledgers:` adds to the service. All arguments outlive what is returned.
EngineParts ledger_engine(const Config& config, flow::Store& store, const Clock& clock);

}  // namespace waybill::cli
