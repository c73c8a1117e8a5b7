#pragma once
// GET /api/v1/alerts, POST /api/v1/alerts/{id}/mute. They read and write the store only.

#include "cli/engines.h"

namespace waybill::cli {

/// The tables of alerts and their routes; what evaluates is AlertJob.
EngineParts alert_engine(const Config& config, flow::Store& store, const Clock& clock);

}  // namespace waybill::cli
