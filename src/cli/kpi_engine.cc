#include "cli/kpi_engine.h"

#include <fmt/format.h>

#include <map>

#include "audit/query_params.h"
#include "base/assert.h"
#include "kpi/kpi_task.h"
#include "kpi/query.h"
#include "kpi/tables.h"

namespace waybill::cli {
namespace {

constexpr int64_t kDayMs = 86'400'000;
using Source = std::pair<std::string, std::vector<std::string>>;  ///< cluster, topics

/// REQUIRES: what the configuration's check has compiled before.
std::shared_ptr<const kpi::Program> compiled(std::vector<kpi::Definition> definitions) {
  auto program = kpi::Program::compile(std::move(definitions));
  ASSERT(program.has_value());
  return *program;
}

StreamJobSpec job_of(const KpiConfig& config, const Source& source, std::vector<kpi::Definition> definitions,
                     const std::string& group) {
  auto program = compiled(std::move(definitions));
  const bool whole = config.ids == KpiConfig::Ids::kWhole;
  const auto kind = whole                      ? flow::Plan::Kind::kWhole
                    : source.second.size() > 1 ? flow::Plan::Kind::kAligned
                                               : flow::Plan::Kind::kEach;
  const std::string topics = fmt::format("{}", fmt::join(source.second, "+"));
  kpi::TaskOptions options{.source = fmt::format("{}/{}", source.first, fmt::join(source.second, "/")),
                           .group = group,
                           .host_header = config.host_header};
  return {.engine = "kpi",
          .name = source.first + ":" + topics,
          .cluster = source.first,
          .group = group,
          .topics = source.second,
          .start = source::StartAt{},
          .headers = true,
          .lines = true,
          .plan = [=]() -> Result<flow::Plan> {
            std::span<const flow::TableSpec* const> tables = kpi::kpi_tables();
            return flow::Plan{
                .engine = "kpi",
                .name = source.first + ":" + topics,
                .kind = kind,
                .topics = source.second,
                .tables = {tables.begin(), tables.end()},
                .make_task = [=](const flow::TaskId& id, std::span<const flow::SourcePartition> partitions) {
                  return kpi::make_kpi_task(program, options, partitions, kpi::part_of(id));
                }};
          }};
}

http::Response answer(Result<std::string> body) {
  if (!body) return http::problem(body.error());
  return {.body = std::move(*body)};
}

/// "by=a,b": the dimensions that are kept; "by=" keeps none.
std::optional<std::vector<std::string>> dimensions(const http::Request& request) {
  auto text = request.param("by");
  if (!text) return std::nullopt;
  std::vector<std::string> names;
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find(',', at), text->size());
    if (end > at) names.push_back(text->substr(at, end - at));
    at = end + 1;
  }
  return names;
}

}  // namespace

std::shared_ptr<const kpi::Program> compiled_kpis(const KpiConfig& config) {
  return compiled(config.definitions);
}

kpi::AgentRule agent_rule(const KpiConfig& config) {
  return {.expected = config.agents_expected, .silent_ms = config.agent_silent.count()};
}

EngineParts kpi_engine(const Config& config, flow::Store& store, const Clock& clock) {
  std::span<const flow::TableSpec* const> tables = kpi::kpi_tables();
  EngineParts parts{.tables = {tables.begin(), tables.end()}};
  std::map<Source, std::vector<kpi::Definition>> sources;
  for (const kpi::Definition& definition : config.kpi.definitions) {
    if (!definition.cluster.empty()) sources[{definition.cluster, definition.topics}].push_back(definition);
  }
  for (auto& [source, definitions] : sources) {
    const std::string group = sources.size() == 1
                                  ? config.kpi.group
                                  : fmt::format("{}-{}", config.kpi.group, fmt::join(source.second, "-"));
    parts.jobs.push_back(job_of(config.kpi, source, std::move(definitions), group));
  }
  auto program = compiled_kpis(config.kpi);
  const kpi::AgentRule agents = agent_rule(config.kpi);
  parts.routes.push_back(
      {"GET", "/api/v1/kpis", http::Role::kViewer, [&store, &clock, program, agents](const auto&) {
         return answer(kpi::kpis_json(store, *program, agents, clock.now()));
       }});
  parts.routes.push_back({"GET", "/api/v1/kpis/{name}/windows", http::Role::kViewer,
                          [&store, &clock, program, agents](const http::Request& request) {
                            const Now now = clock.now();
                            auto range = audit::time_range(
                                [&request](std::string_view name) { return request.param(name); }, now,
                                {now.wall_ms - kDayMs, now.wall_ms + kDayMs});
                            if (!range) return http::problem(range.error());
                            const kpi::WindowQuery query{range->from_ms, range->to_ms, dimensions(request)};
                            return answer(kpi::windows_json(store, *program, request.path_params.at("name"),
                                                            query, agents, now));
                          }});
  return parts;
}

}  // namespace waybill::cli
