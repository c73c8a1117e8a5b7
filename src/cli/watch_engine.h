#pragma once
// The watch engine in `waybill run`: a job for each cluster and start, and the routes that read the counts.

#include "base/time.h"
#include "cli/config.h"
#include "cli/engines.h"
#include "flow/store.h"

namespace waybill::cli {

/// What `watches:` adds to the service. All arguments outlive what is returned.
EngineParts watch_engine(const Config& config, flow::Store& store, const Clock& clock);

}  // namespace waybill::cli
