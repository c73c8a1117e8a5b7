#pragma once
// `agent.metrics`: the agent's figures for Prometheus.

#include <memory>
#include <mutex>
#include <string>

#include "agent/agent.h"
#include "base/log.h"
#include "cli/values.h"
#include "flow/file_feed.h"
#include "http/server.h"

namespace waybill::cli {

/// The texts of GET /metrics, in the text format of Prometheus. Thread-safe.
class AgentMetrics {
 public:
  /// An agent begins to count from 0; what the one before counted is added.
  void begin_life();
  void set(const agent::AgentFigures& figures, const flow::FeedHealth& health);
  std::string text() const;

 private:
  mutable std::mutex mutex_;
  agent::AgentFigures before_;  ///< of the lives that have ended
  uint64_t oversized_before_ = 0, cut_off_before_ = 0;
  agent::AgentFigures now_;
  flow::FeedHealth health_;
};

/// Serves /metrics and /healthz. `metrics` outlives it. Errors: those of http::Server::open.
Result<std::unique_ptr<http::Server>> serve_agent_metrics(const Address& address, const AgentMetrics& metrics,
                                                          const LogFn& log);

}  // namespace waybill::cli
