#pragma once
// One audited cluster: waits for its audit topic, then drives the collector over it.

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/log.h"
#include "base/result.h"
#include "cli/config.h"
#include "flow/runner.h"
#include "flow/store.h"

namespace waybill::cli {

struct ClusterStatus {
  std::string cluster;
  enum class State {
    kWaiting,  ///< for the broker or the topic; tried again and again
    kRunning,
    kStopped,  ///< by stop() or, with `error`, for good
  } state = State::kWaiting;
  std::optional<Error> error;
  std::string waiting_for;    ///< last failure while kWaiting
  flow::RunnerHealth health;  ///< while kWaiting: member and degraded only
};

/// Owns a thread from start() to the destructor, which stops it: batch finished, committed, group left.
class ClusterAudit {
 public:
  struct Parts {
    const Config& config;
    flow::Store& store;
    const Clock& clock;
    flow::OwnerId owner;
    LogFn log;
  };
  /// `parts` outlive this. REQUIRES: `cluster` is configured.
  ClusterAudit(Parts parts, std::string cluster);
  void start();
  void request_stop();
  ClusterStatus status() const;  ///< any thread

 private:
  Result<void> run(std::stop_token stop);
  /// The topic's partition count as soon as there is one; nullopt when stopped.
  Result<std::optional<int32_t>> wait_for_topic(std::stop_token stop);
  void waiting(const Error& error);

  Parts parts_;
  std::string cluster_;
  std::string member_;
  mutable std::mutex mutex_;
  ClusterStatus status_;  ///< health is filled by status()
  std::unique_ptr<flow::RangeReader> reader_;
  std::unique_ptr<flow::Runner> runner_;  ///< set once; uses reader_
  std::jthread thread_;                   ///< last: joined first
};

}  // namespace waybill::cli
