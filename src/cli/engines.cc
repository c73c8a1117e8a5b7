#include "cli/engines.h"

#include "audit/tables.h"
#include "cli/alert_api.h"
#include "cli/collector_job.h"
#include "cli/kpi_engine.h"
#include "cli/ledger_engine.h"
#include "cli/operator_api.h"
#include "cli/watch_engine.h"

namespace waybill::cli {
namespace {

using MakeEngine = EngineParts (*)(const Config&, flow::Store&, const Clock&);

EngineParts audit_engine(const Config& config, flow::Store& store, const Clock& clock) {
  std::span<const flow::TableSpec* const> tables = audit::audit_tables();
  EngineParts parts{.tables = {tables.begin(), tables.end()}};
  for (const std::string& cluster : config.audit.clusters)
    parts.jobs.push_back(collector_job(config, cluster));
  parts.routes = operator_routes(config, store, clock);
  return parts;
}

constexpr MakeEngine kEngines[] = {
    audit_engine,
    kpi_engine,
    ledger_engine,
    watch_engine,
    alert_engine,
};

}  // namespace

std::vector<EngineParts> make_engines(const Config& config, flow::Store& store, const Clock& clock) {
  std::vector<EngineParts> engines;
  for (MakeEngine make : kEngines) engines.push_back(make(config, store, clock));
  return engines;
}

}  // namespace waybill::cli
