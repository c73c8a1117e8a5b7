#pragma once
// `waybill kpi` without an end.

#include <memory>

#include "cli/kpi_line.h"
#include "kpi/program.h"

namespace waybill::cli {

/// Reads what is there, then what comes, until SIGINT or SIGTERM; prints each window that changed, with its
/// values so far. A file that was renamed is read to its end, then the new one of that name; one that was cut
/// is read anew. Exit code.
int follow_kpis(const KpiArgs& args, const std::shared_ptr<const kpi::Program>& program);

}  // namespace waybill::cli
