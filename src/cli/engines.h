#pragma once
// What `waybill run` can run: one line per engine in engines.cc.

#include <vector>

#include "base/time.h"
#include "cli/config.h"
#include "cli/stream_job.h"
#include "flow/rows.h"
#include "flow/store.h"
#include "http/server.h"

namespace waybill::cli {

/// What one engine adds to the service.
struct EngineParts {
  std::vector<const flow::TableSpec*> tables{};  ///< ensured at the start, expired by their retention
  std::vector<StreamJobSpec> jobs{};             ///< one per thing that the configuration names; may be empty
  std::vector<http::Route> routes{};             ///< they read the store only
};

/// Of every engine, also those that the configuration does not use: their tables and routes then answer with
/// nothing. All arguments outlive what is returned.
std::vector<EngineParts> make_engines(const Config& config, flow::Store& store, const Clock& clock);

}  // namespace waybill::cli
