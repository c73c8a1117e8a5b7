#pragma once
// One engine over some topics of one cluster: waits until it can begin, then drives its Tasks until stopped.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "cli/config.h"
#include "cli/job_parts.h"
#include "flow/runner.h"
#include "flow/store.h"
#include "source/kafka.h"

namespace waybill::cli {

struct JobStatus {
  std::string cluster;
  enum class State {
    kWaiting,  ///< for the broker or a topic; tried again and again
    kRunning,
    kStopped,  ///< by request_stop() or, with `error`, for good
  } state = State::kWaiting;
  std::optional<Error> error;
  std::string waiting_for;    ///< last failure while kWaiting
  flow::RunnerHealth health;  ///< while kWaiting: engine, name, member and degraded only
};

/// What an engine reads, and what it makes of it.
struct StreamJobSpec {
  std::string engine;   ///< as in the plan: first part of the TaskIds, e.g. "collector"
  std::string name;     ///< second part: the configured name of the ledger, watch or KPI, or the cluster
  std::string cluster;  ///< configured
  std::string group;    ///< consumer group; positions in the store come first
  std::vector<std::string> topics;
  source::StartAt start{};  ///< for partitions without any position
  bool headers = false;     ///< fill Record::headers
  bool lines = false;       ///< fill Batch::lines
  bool asks = false;        ///< the Tasks ask: a range reader is opened
  /// The plan, once the engine can begin; what it captures outlives the job. kInvalid stops the job for good,
  /// every other error is logged and tried again with back-off. Called on the job's thread.
  std::function<Result<flow::Plan>()> plan;
  /// Set: it reads from here, and `cluster` and `topics` are words for people. Called on the job's thread.
  std::function<std::unique_ptr<flow::Source>(flow::Assignments&, const Clock&, const LogFn&)> source{};
};

/// Owns a thread from start() to the destructor, which stops it: batch finished, committed, group left.
class StreamJob {
 public:
  /// REQUIRES: the cluster is configured, or the spec has a source.
  StreamJob(JobParts parts, StreamJobSpec spec);
  void start();
  void request_stop();
  JobStatus status() const;  ///< any thread

 private:
  Result<void> run(std::stop_token stop);
  /// nullopt when stopped first.
  Result<std::optional<flow::Plan>> wait_for_plan(const std::stop_token& stop);
  std::string title() const;  ///< for the log
  flow::Runner::MakeSource kafka_source(const source::KafkaCluster& kafka, flow::Plan::Kind plan) const;

  JobParts parts_;
  StreamJobSpec spec_;
  std::string member_;
  mutable std::mutex mutex_;
  JobStatus status_;  ///< health is filled by status()
  std::unique_ptr<flow::RangeReader> reader_;
  std::unique_ptr<flow::Runner> runner_;  ///< set once; uses reader_
  std::jthread thread_;                   ///< last: joined first
};

/// A configured cluster as the source wants it.
source::KafkaCluster kafka_of(const ClusterConfig& cluster);

}  // namespace waybill::cli
