#pragma once
// The routes of the program: health, metrics, sources, the audit API, the page.

#include <functional>
#include <vector>

#include "base/time.h"
#include "cli/stream_job.h"
#include "cli/reload_status.h"
#include "flow/store.h"
#include "http/server.h"

namespace waybill::cli {

struct ApiParts {
  flow::Store& store;
  const Clock& clock;
  std::function<std::vector<JobStatus>()> statuses;  ///< any thread
  const ReloadStatus* reload = nullptr;                  ///< for the metrics; null = none
};

/// Health and page for everyone, the rest for viewers. `parts` refer to what outlives the routes.
std::vector<http::Route> api_routes(ApiParts parts);

/// {"ready":bool,"reasons":[...]}: 200 when the store answers and every cluster is being read, else 503.
http::Response readiness(flow::Store& store, const std::vector<JobStatus>& statuses);

/// {"sources":[{cluster, engine, member, state, degraded, detail, lag_messages, partitions:[{topic,
/// partition}], tasks, records, commits, commit_failures, fenced, last_commit}]}
std::string sources_json(const std::vector<JobStatus>& statuses);

}  // namespace waybill::cli
