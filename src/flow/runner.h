#pragma once
// Drives the Tasks of one engine over one Source: poll, process, group commit, fencing, asks (DESIGN section 6).

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "flow/source.h"
#include "flow/store.h"
#include "flow/task.h"

namespace waybill::flow {

/// An engine's plan. Immutable.
struct Plan {
  enum class Kind : uint8_t {
    kEach,     ///< one Task per partition
    kAligned,  ///< one Task per partition number, over partition i of every topic (equal counts, checked at start)
    kWhole,    ///< one Task over all partitions, in the one process that holds the lease
  };
  std::string engine;  ///< e.g. "collector"; first part of TaskIds
  std::string name;    ///< configured name, e.g. the cluster; second part of TaskIds
  Kind kind = Kind::kEach;
  std::vector<std::string> topics;  ///< kAligned: all topics, so that one that is missing at start is waited for
  std::vector<const TableSpec*> tables;
  /// Makes a Task without state; restore() follows. `partitions` is what it owns.
  std::function<std::unique_ptr<Task>(const TaskId& id, std::span<const SourcePartition> partitions)> make_task;
  /// Between commits while a Task has not caught up, where what happens between two is cheaper to store than each step of
  /// it; below 1 s. 0: RunnerOptions::commit_every.
  Millis commit_behind_every{0};
};

struct RunnerOptions {
  OwnerId owner;
  Millis commit_every{200};
  size_t commit_bytes = 64u << 20;
  Millis idle_after{5000};  ///< a partition without records for this long does not hold the watermark back
  int ask_workers = 2;
};

struct RunnerHealth {
  std::string engine, name;
  SourceHealth source;
  int64_t tasks = 0;
  int64_t records = 0;
  int64_t commits = 0;
  int64_t fenced = 0;
  int64_t commit_failures = 0;
  int64_t gap_messages = 0;  ///< offsets that existed no longer when they were to be read (Batch::gap)
  int64_t last_commit_wall_ms = 0;
  std::string last_error;
};

/// One thread calls run(); health() from any thread.
class Runner {
 public:
  using MakeSource = std::function<Result<std::unique_ptr<Source>>(Assignments& assignments)>;
  /// `store`, `reader` and `clock` outlive the runner. `reader` may be null when the engine asks nothing.
  Runner(Plan plan, RunnerOptions options, MakeSource make_source, Store& store, RangeReader* reader, const Clock& clock,
         LogFn log);
  ~Runner();
  /// Until `stop`: then finishes the batch, commits, leaves the group and returns. An unavailable store or source is retried
  /// with back-off (1 s doubling to 30 s) and shows in health(). Errors: kConflict (another store), kInvalid (plan).
  Result<void> run(std::stop_token stop);
  RunnerHealth health() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::flow
