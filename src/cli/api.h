#pragma once
// The routes of the program: health, metrics, sources, the audit API, the page.

#include <functional>
#include <vector>

#include "base/time.h"
#include "cli/alert_job.h"
#include "cli/live_board.h"
#include "cli/reload_status.h"
#include "cli/stream_job.h"
#include "flow/store.h"
#include "http/server.h"
#include "sink/outbox_drainer.h"

namespace waybill::cli {

struct ApiParts {
  flow::Store& store;
  const Clock& clock;
  std::function<std::vector<JobStatus>()> statuses;  ///< any thread
  const ReloadStatus* reload = nullptr;              ///< for the metrics; null = none
  const sink::OutboxFigures* outbox = nullptr;       ///< for the metrics; null = nothing is forwarded
  const AlertFigures* alerts = nullptr;              ///< for the metrics; null = none
  std::vector<http::Token> tokens{};                 ///< for logging in on the page
  std::vector<std::string> engines{};     ///< "kpis", "alerts", ...: lists that the engines' routes give
  std::shared_ptr<http::EventHub> hub{};  ///< for /api/v1/live; null = no such path
  std::shared_ptr<LiveBoard>
      live{};  ///< for the overview and the findings of all topics; null = no such paths
};

/// Health and page for everyone, the rest for viewers. `parts` refer to what outlives the routes.
std::vector<http::Route> api_routes(ApiParts parts);

/// {"ready":bool,"reasons":[...]}: 200 when the store answers and every cluster is being read, else 503.
http::Response readiness(flow::Store& store, const std::vector<JobStatus>& statuses);

/// {"sources":[{cluster, engine, member, state, degraded, detail, lag_messages, partitions:[{topic,
/// partition}], tasks, records, commits, commit_failures, fenced, last_commit}]}
std::string sources_json(const std::vector<JobStatus>& statuses);

/// What makes the open pages ask again, beside the topics: reporters that come, go or lose reports, sources
/// that change their state, and the lists of the engines among `of_engines` (ledgers, watches, kpis, alerts).
std::vector<LiveProbe> live_probes(const ApiParts& parts, const std::vector<http::Route>& of_engines);

}  // namespace waybill::cli
