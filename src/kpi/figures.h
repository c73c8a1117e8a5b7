#pragma once
// Stored windows as figures for sinks.

#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"
#include "flow/figure.h"
#include "flow/store.h"
#include "kpi/program.h"
#include "kpi/query.h"

namespace waybill::kpi {

/// The figure KPI:START[:BY...] of one group of one window. None when the KPI is not of the program, or has
/// no such window.
Result<void> window_figure(flow::Store& store, const Program& program, std::string_view kpi, int64_t start_ms,
                           const std::string& group, const flow::TakeFigure& take);

/// The same of every window that ends less than `keep_ms` before the newest line of its KPI. The store
/// outlives it.
std::unique_ptr<flow::FigureScan> all_window_figures(flow::Store& store,
                                                     std::shared_ptr<const Program> program, int64_t keep_ms);

/// For each KPI that reads topics, kpi:NAME: how far it has come, and why its figures may be incomplete.
Result<void> status_figures(flow::Store& store, const Program& program, AgentRule agents, Now now,
                            const flow::TakeFigure& take);

}  // namespace waybill::kpi
