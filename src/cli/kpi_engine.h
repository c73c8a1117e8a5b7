#pragma once
// The KPI engine in `waybill run`: a job for each source of KPIs, and the routes that read the figures.

#include "base/time.h"
#include "cli/config.h"
#include "cli/engines.h"
#include "flow/store.h"

namespace waybill::cli {

/// What `kpis:` adds to the service. All arguments outlive what is returned.
EngineParts kpi_engine(const Config& config, flow::Store& store, const Clock& clock);

}  // namespace waybill::cli
