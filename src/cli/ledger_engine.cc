#include "cli/ledger_engine.h"

#include <algorithm>

#include "cli/ledger_api.h"
#include "cli/ledger_search.h"
#include "cli/ledger_task_options.h"
#include "ledger/tables.h"

namespace waybill::cli {
namespace {

ledger::LedgerTaskOptions task_options(const LedgerSettings& settings, const flow::TaskId& id) {
  ledger::LedgerTaskOptions options = ledger_task_options(settings, random_ledger_seed());
  if (settings.source.aligned) options.part = id.substr(id.rfind('/') + 1);
  options.documents = !settings.index.server.empty();
  options.keyed_places = !settings.source.search.server.empty();
  return options;
}

StreamJobSpec job_of(const LedgerSettings& settings) {
  return {.engine = "ledger",
          .name = settings.name,
          .cluster = settings.source.cluster,
          .group = settings.source.group,
          .topics = settings.source.topics,
          .lines = true,
          .plan = [settings]() -> Result<flow::Plan> {
            std::span<const flow::TableSpec* const> tables = ledger::ledger_tables();
            return flow::Plan{
                .engine = "ledger",
                .name = settings.name,
                .kind = settings.source.aligned ? flow::Plan::Kind::kAligned : flow::Plan::Kind::kWhole,
                .topics = settings.source.topics,
                .tables = {tables.begin(), tables.end()},
                .make_task =
                    [settings](const flow::TaskId& id, std::span<const flow::SourcePartition>) {
                      return std::make_unique<ledger::LedgerTask>(task_options(settings, id));
                    },
                // A message that is complete within one commit is stored without its id.
                .commit_behind_every = Millis{900}};
          }};
}

http::Response answer(Result<std::string> body) {
  if (!body) return http::problem(body.error());
  return {.body = std::move(*body)};
}

using OneLedger = Result<std::string> (*)(flow::Store&, const LedgerSettings&, const audit::Params&, Now);

http::Route one_route(const Config& config, flow::Store& store, const Clock& clock, std::string_view what,
                      OneLedger query) {
  return {
      "GET", "/api/v1/ledgers/{group}/" + std::string(what), http::Role::kViewer,
      [&config, &store, &clock, query](const http::Request& request) {
        const std::string& name = request.path_params.at("group");
        auto same = [&name](const LedgerSettings& ledger) { return ledger.name == name; };
        auto it = std::find_if(config.ledgers.begin(), config.ledgers.end(), same);
        if (it == config.ledgers.end())
          return http::problem({Errc::kNotFound, "there is no ledger \"" + name + "\" in the configuration"});
        return answer(query(
            store, *it, [&request](std::string_view param) { return request.param(param); }, clock.now()));
      }};
}

}  // namespace

EngineParts ledger_engine(const Config& config, flow::Store& store, const Clock& clock) {
  std::span<const flow::TableSpec* const> tables = ledger::ledger_tables();
  EngineParts parts{.tables = {tables.begin(), tables.end()}};
  for (const LedgerSettings& settings : config.ledgers) {
    if (!settings.source.topics.empty()) parts.jobs.push_back(job_of(settings));
    if (const search::Server* server = search_server(config.search, settings.source.search.server)) {
      parts.jobs.push_back(job_of(settings));
      read_from_search(parts.jobs.back(), settings, *server);
    }
  }
  parts.routes.push_back({"GET", "/api/v1/ledgers", http::Role::kViewer, [&config, &store](const auto&) {
                            return answer(ledgers_json(store, config.ledgers));
                          }});
  parts.routes.push_back(one_route(config, store, clock, "buckets", ledger_buckets_json));
  parts.routes.push_back(one_route(config, store, clock, "exceptions", ledger_exceptions_json));
  return parts;
}

}  // namespace waybill::cli
