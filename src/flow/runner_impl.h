#pragma once
// The parts of Runner that its two files share.

#include <absl/container/flat_hash_map.h>

#include <condition_variable>
#include <mutex>
#include <optional>

#include "flow/ask_pool.h"
#include "flow/commit_cycle.h"
#include "flow/runner.h"

namespace waybill::flow {

/// All but health() on the thread that calls run().
struct Runner::Impl final : Assignments {
  Impl(Plan p, RunnerOptions o, MakeSource m, Store& s, RangeReader* r, const Clock& c, LogFn l);

  // runner.cc: the loop, the source, the lease
  Result<void> run(std::stop_token stop);
  bool prepare(std::stop_token stop);
  Result<bool> ensure_source();
  Result<void> step();
  void finish();
  bool hold_lease(Now now);
  void close_source();
  void update_health();
  void note_error(std::string_view what, const Error& error);
  void sleep(std::stop_token stop, Millis time);

  // runner_tasks.cc: Tasks and their commits
  std::vector<SourcePartition> assigned(std::span<const SourcePartition> partitions) override;
  void revoked(std::span<const SourcePartition> partitions, RevokeReason reason) override;
  void add_slot(TaskPart part);
  bool take(TaskSlot& slot);
  bool seek_to_positions(TaskSlot& slot, const std::vector<std::pair<SourcePartition, Offset>>& stored);
  void park(TaskSlot& slot);
  void retry_parked(Now now);
  void process(const Batch& batch, Now now);
  void deliver_answers(Now now);
  void advance(Now now);
  bool cycle(Now now);
  void settle(CycleReport& report, Now now);
  void begin_outage(Now now);
  void end_outage();
  size_t pending_bytes() const;
  std::vector<TaskSlot*> all_slots();

  const Plan plan;
  const RunnerOptions options;
  const MakeSource make_source;
  Store& store;
  const Clock& clock;
  const LogFn log;
  AskPool asks;

  std::unique_ptr<Source> source;
  Backoff source_retry;
  std::map<TaskId, std::unique_ptr<TaskSlot>> slots;
  absl::flat_hash_map<SourcePartition, TaskSlot*> by_partition;

  bool outage = false;  ///< the store refuses commits: partitions are paused, flushed changes wait
  Backoff commit_retry;
  int64_t cycle_at_ms = 0;      ///< next flush and commit
  bool behind = false;          ///< a Task had not caught up when it was looked at last
  int64_t settle_until_ms = 0;  ///< stopping: no commit is begun after this; 0 = not stopping
  std::optional<Error> fatal;   ///< the plan cannot run

  bool leader = false;         ///< kWhole: holds the lease
  int64_t lease_until_ms = 0;  ///< Now::steady_ms
  int64_t lease_next_ms = 0;   ///< next attempt or renewal

  std::mutex sleep_mutex;
  std::condition_variable_any sleep_wake;

  RunnerHealth tally;  ///< of the running thread, copied to `health` in update_health
  mutable std::mutex health_mutex;
  RunnerHealth health;
};

}  // namespace waybill::flow
