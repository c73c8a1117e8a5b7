#pragma once
// The collector over the audit topic of one cluster.

#include <string>

#include "cli/config.h"
#include "cli/stream_job.h"

namespace waybill::cli {

/// Makes the audit topic when it is missing; a topic with another partition count is kInvalid. `config`
/// outlives the job. REQUIRES: `cluster` is configured.
StreamJobSpec collector_job(const Config& config, const std::string& cluster);

}  // namespace waybill::cli
