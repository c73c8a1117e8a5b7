#pragma once
// Files and the standard input as sources of `watches:`.

#include <memory>
#include <set>
#include <vector>

#include "cli/config.h"
#include "cli/stream_job.h"
#include "watch/watch_task.h"

namespace waybill::cli {

/// One job for all files, held by a lease per host, and one for the standard input; none when no watch reads
/// them. `config` outlives them.
std::vector<StreamJobSpec> feed_jobs(const WatchConfig& config);

/// REQUIRES: rules that the configuration's check has compiled before. Rules by index in
/// WatchConfig::definitions.
std::shared_ptr<const watch::WatchProgram> watch_program(const WatchConfig& config,
                                                         const std::set<size_t>& indexes);

}  // namespace waybill::cli
