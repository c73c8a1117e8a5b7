#pragma once
// GET /api/v1/watches and what is below it. Reads the store only.

#include <vector>

#include "base/time.h"
#include "cli/watch_settings.h"
#include "flow/store.h"
#include "http/server.h"

namespace waybill::cli {

/// All arguments outlive the routes.
std::vector<http::Route> watch_routes(const WatchConfig& config, flow::Store& store, const Clock& clock);

}  // namespace waybill::cli
