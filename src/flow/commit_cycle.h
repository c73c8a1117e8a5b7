#pragma once
// One step of the runtime: flush Tasks and commit them in one transaction.

#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "flow/backoff.h"
#include "flow/plan.h"
#include "flow/store.h"
#include "flow/watermark.h"

namespace waybill::flow {

/// A Task, the life that it has in the store, and what of it is not committed yet.
struct TaskSlot {
  TaskPart part;
  std::unique_ptr<Task> task;  ///< null: parked until `retry` is due; its partitions are paused
  int64_t epoch = 0;
  std::map<SourcePartition, Offset>
      positions;  ///< next offset to process; absent until the first batch of a new partition
  std::map<SourcePartition, Offset>
      origins;                      ///< where reading began, for partitions without a stored position
  std::set<SourcePartition> moved;  ///< positions that changed since the last flush
  WatermarkTracker marks{Millis{0}};
  bool flushed =
      false;  ///< `changes` and `flushed_positions` wait for their commit: no further flush before it
  Changes changes;
  std::vector<std::pair<SourcePartition, Offset>> flushed_positions;
  Backoff retry;

  /// Forgets the Task and what was not committed.
  void drop();
};

struct CycleReport {
  enum class Outcome : uint8_t {
    kNothing,    ///< no Task had anything to write
    kCommitted,  ///< all but `fenced`
    kFailed,     ///< nothing was written; what was flushed is kept for the next call
    kUnknown,    ///< written or not: only take() can tell
  };
  Outcome outcome = Outcome::kNothing;
  Error error;                     ///< kFailed, kUnknown
  std::vector<TaskSlot*> part_of;  ///< slots that were in the transaction
  std::vector<TaskSlot*> fenced;   ///< kCommitted: those that another owner has taken
  std::vector<std::pair<SourcePartition, Offset>> positions;       ///< kCommitted: what is in the store now
  std::vector<std::pair<const TaskSlot*, std::vector<Ask>>> asks;  ///< kCommitted: to be sent
};

/// Flushes the slots that have a Task and no flushed changes yet, and commits everything flushed. Blocks as
/// long as the store.
CycleReport flush_and_commit(Store& store, std::span<TaskSlot* const> slots);

}  // namespace waybill::flow
