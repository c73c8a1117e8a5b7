#pragma once
// The KPI engine in `waybill run`: a job for each source of KPIs, and the routes that read the figures.

#include <memory>

#include "base/time.h"
#include "cli/config.h"
#include "cli/engines.h"
#include "flow/store.h"
#include "kpi/program.h"
#include "kpi/query.h"

namespace waybill::cli {

/// What `kpis:` adds to the service. All arguments outlive what is returned.
EngineParts kpi_engine(const Config& config, flow::Store& store, const Clock& clock);

/// REQUIRES: what the configuration's check has compiled before.
std::shared_ptr<const kpi::Program> compiled_kpis(const KpiConfig& config);
kpi::AgentRule agent_rule(const KpiConfig& config);

}  // namespace waybill::cli
