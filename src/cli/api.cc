#include "cli/api.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "audit/query.h"
#include "audit/query_rows.h"
#include "audit/tables.h"
#include "base/utf8.h"
#include "cli/host.h"
#include "cli/metrics.h"
#include "http/login.h"
#include "http/web.h"

namespace waybill::cli {
namespace {

using http::Request;
using http::Response;
using http::Role;

Response json_response(Result<std::string> body) {
  if (!body) return http::problem(body.error());
  return {.body = std::move(*body)};
}

std::string_view state_name(JobStatus::State state) {
  switch (state) {
    case JobStatus::State::kWaiting:
      return "waiting";
    case JobStatus::State::kRunning:
      return "running";
    case JobStatus::State::kStopped:
      return "stopped";
  }
  return "stopped";
}

using TopicQuery = Result<std::string> (*)(flow::Store&, std::string_view, const audit::Params&, Now);
using ListQuery = Result<std::string> (*)(flow::Store&, const audit::Params&, Now);

http::Route list_route(const ApiParts& parts, std::string pattern, ListQuery query) {
  return {"GET", std::move(pattern), Role::kViewer,
          [parts, query](const Request& request) {
            return json_response(query(
                parts.store, [&request](std::string_view name) { return request.param(name); },
                parts.clock.now()));
          },
          /*slow=*/true};
}

http::Route topic_route(const ApiParts& parts, std::string_view what, TopicQuery query) {
  return {"GET", "/api/v1/topics/{topic}/" + std::string(what), Role::kViewer,
          [parts, query](const Request& request) {
            return json_response(query(
                parts.store, request.path_params.at("topic"),
                [&request](std::string_view name) { return request.param(name); }, parts.clock.now()));
          }};
}

using BoardQuery = Result<std::string> (*)(flow::Store&, const audit::TopicBoard&, const audit::Params&, Now);

http::Route board_route(const ApiParts& parts, std::string pattern, BoardQuery query) {
  return {"GET", std::move(pattern), Role::kViewer,
          [parts, query](const Request& request) {
            auto board = parts.live->current();
            if (!board) return http::problem(board.error());
            return json_response(query(
                parts.store, **board, [&request](std::string_view name) { return request.param(name); },
                parts.clock.now()));
          },
          /*slow=*/true};
}

http::Response live_response(const ApiParts& parts) {
  auto place = parts.hub->open();
  if (!place) return http::problem(503, "too many streams of events are open");
  return {.content_type = "text/event-stream", .events = std::move(place)};
}

http::Response metrics_response(const ApiParts& parts) {
  auto text = metrics_text(parts.store, parts.statuses(), parts.clock.now(), parts.reload, parts.outbox,
                           parts.alerts);
  if (!text) return http::problem(text.error());
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(*text)};
}

}  // namespace

Response readiness(flow::Store& store, const std::vector<JobStatus>& statuses) {
  nlohmann::json reasons = nlohmann::json::array();
  auto answer =
      store.query({.table = &audit::counter_table(), .where = {}, .group_by = {}, .limit = 1, .cursor = {}});
  if (!answer) reasons.push_back("store: " + to_utf8(answer.error().message));
  for (const JobStatus& status : statuses) {
    std::string prefix = "cluster " + status.cluster + ": ";
    if (status.state == JobStatus::State::kWaiting) {
      reasons.push_back(prefix +
                        (status.health.engine == "collector"
                             ? "waiting for the audit topic"
                             : status.health.engine + " " + status.health.name + " waits for its topics") +
                        (status.waiting_for.empty() ? "" : ": " + to_utf8(status.waiting_for)));
    } else if (status.state == JobStatus::State::kStopped) {
      reasons.push_back(prefix + "stopped" + (status.error ? ": " + to_utf8(status.error->message) : ""));
    }
  }
  bool ready = reasons.empty();
  return {.status = ready ? 200 : 503,
          .body = nlohmann::json{{"ready", ready}, {"reasons", std::move(reasons)}}.dump()};
}

std::string sources_json(const std::vector<JobStatus>& statuses) {
  nlohmann::json sources = nlohmann::json::array();
  for (const JobStatus& status : statuses) {
    const flow::RunnerHealth& health = status.health;
    nlohmann::json partitions = nlohmann::json::array();
    for (const flow::SourcePartition& p : health.source.partitions) {
      partitions.push_back({{"topic", p.topic}, {"partition", p.partition.value}});
    }
    bool stopped = status.state == JobStatus::State::kStopped;
    std::string detail = status.error ? status.error->message : health.source.detail;
    if (detail.empty()) detail = health.last_error;
    sources.push_back(
        {{"cluster", status.cluster},
         {"engine", health.engine},
         {"member", health.source.member},
         {"state", state_name(status.state)},
         {"degraded", health.source.degraded || stopped},
         {"detail", to_utf8(detail)},
         {"partitions", std::move(partitions)},
         {"lag_messages", health.source.lag_messages},
         {"tasks", health.tasks},
         {"records", health.records},
         {"commits", health.commits},
         {"commit_failures", health.commit_failures},
         {"fenced", health.fenced},
         {"last_commit",
          health.last_commit_wall_ms > 0 ? nlohmann::json(health.last_commit_wall_ms) : nlohmann::json()}});
  }
  return nlohmann::json{{"sources", std::move(sources)}}.dump();
}

std::vector<http::Route> api_routes(ApiParts parts) {
  std::vector<http::Route> routes = http::web_routes();
  auto get = [&routes](std::string pattern, Role role, http::Handler handler) {
    routes.push_back({"GET", std::move(pattern), role, std::move(handler)});
  };
  get("/healthz", Role::kAnyone, [](const Request&) {
    return Response{.body = nlohmann::json{{"status", "ok"}, {"version", version()}}.dump()};
  });
  get("/readyz", Role::kAnyone, [parts](const Request&) { return readiness(parts.store, parts.statuses()); });
  get("/metrics", Role::kViewer, [parts](const Request&) { return metrics_response(parts); });
  routes.back().slow = true;
  get("/api/v1/sources", Role::kViewer,
      [parts](const Request&) { return Response{.body = sources_json(parts.statuses())}; });
  routes.push_back(list_route(parts, "/api/v1/topics", audit::topics_json));
  routes.push_back(list_route(parts, "/api/v1/reporters", audit::reporters_json));
  routes.push_back(topic_route(parts, "buckets", audit::buckets_json));
  routes.push_back(topic_route(parts, "rates", audit::rates_json));
  routes.push_back(topic_route(parts, "findings", audit::findings_json));
  routes.push_back(topic_route(parts, "partitions", audit::partitions_json));
  for (http::Route& route : http::session_routes(parts.tokens, version(), parts.engines))
    routes.push_back(std::move(route));
  if (parts.live) {
    routes.push_back(board_route(parts, "/api/v1/overview", audit::overview_json));
    routes.push_back(board_route(parts, "/api/v1/findings", audit::all_findings_json));
  }
  if (parts.hub) get("/api/v1/live", Role::kViewer, [parts](const Request&) { return live_response(parts); });
  return routes;
}

std::vector<LiveProbe> live_probes(const ApiParts& parts, const std::vector<http::Route>& of_engines) {
  constexpr int64_t kReportersMax = 100'000;
  auto reporters = [&store = parts.store]() -> Result<std::string> {
    std::string text;
    auto done =
        audit::each_row(store, {.table = &audit::reporter_table()}, kReportersMax, [&](const auto& row) {
          text += row.text("reporter") + (row.number("closed") != 0 ? "c" : "") +
                  (row.number("vanished") != 0 ? "v" : "") + std::to_string(row.number("missing_reports")) +
                  "," + std::to_string(row.number("dropped")) + ";";
        });
    if (!done) return tl::make_unexpected(std::move(done.error()));
    return text;
  };
  auto sources = [statuses = parts.statuses]() -> Result<std::string> {
    std::string text;
    for (const auto& status : statuses()) {
      text += status.cluster + std::string(state_name(status.state)) +
              (status.error ? status.error->message : "") + (status.health.source.degraded ? "d" : "") +
              status.health.source.detail + ";";
    }
    return text;
  };
  std::vector<LiveProbe> probes = {{"reporters", std::move(reporters)}, {"sources", std::move(sources)}};
  for (const http::Route& route : of_engines) {
    for (std::string kind : {"ledgers", "watches", "kpis", "alerts"}) {
      if (route.method != "GET" || route.pattern != "/api/v1/" + kind) continue;
      probes.push_back({std::move(kind), [handler = route.handler]() -> Result<std::string> {
                          Response response = handler(Request{});
                          if (response.status != 200)
                            return fail(Errc::kUnavailable, std::move(response.body));
                          return std::move(response.body);
                        }});
    }
  }
  return probes;
}

}  // namespace waybill::cli
