#include "flow/commit_cycle.h"

#include "base/assert.h"
#include "flow/failpoint.h"

namespace waybill::flow {
namespace {

void flush(TaskSlot& slot) {
  failpoint("flush.before");
  slot.task->flush(slot.changes);
  for (const auto& partition : slot.moved)
    slot.flushed_positions.push_back({partition, slot.positions.at(partition)});
  slot.moved.clear();
  const Changes& c = slot.changes;
  slot.flushed = !slot.flushed_positions.empty() || !c.rows.empty() || !c.segments.empty() ||
                 !c.outbox.empty() || !c.asks.empty();
  failpoint("flush.after");
}

void settle(TaskSlot& slot, CycleReport& report) {
  report.positions.insert(report.positions.end(), slot.flushed_positions.begin(),
                          slot.flushed_positions.end());
  if (!slot.changes.asks.empty()) report.asks.push_back({&slot, std::move(slot.changes.asks)});
  slot.flushed = false;
  slot.changes = {};
  slot.flushed_positions.clear();
}

}  // namespace

void TaskSlot::drop() {
  task.reset();
  epoch = 0;
  positions.clear();
  moved.clear();
  flushed = false;
  changes = {};
  flushed_positions.clear();
}

CycleReport flush_and_commit(Store& store, std::span<TaskSlot* const> slots) {
  CycleReport report;
  std::vector<TaskCommit> commits;
  for (TaskSlot* slot : slots) {
    if (!slot->task) continue;
    if (!slot->flushed) flush(*slot);
    if (!slot->flushed) continue;
    report.part_of.push_back(slot);
    commits.push_back({slot->part.id, slot->epoch, slot->flushed_positions, &slot->changes});
  }
  if (commits.empty()) return report;
  failpoint("commit.before");
  auto result = store.commit(commits);
  if (!result) {
    report.outcome = result.error().code == Errc::kUnknown ? CycleReport::Outcome::kUnknown
                                                           : CycleReport::Outcome::kFailed;
    report.error = std::move(result.error());
    return report;
  }
  failpoint("commit.after");
  ASSERT(result->size() == commits.size());
  report.outcome = CycleReport::Outcome::kCommitted;
  for (size_t i = 0; i < commits.size(); ++i) {
    if ((*result)[i] == CommitResult::kFenced) {
      report.fenced.push_back(report.part_of[i]);
    } else {
      settle(*report.part_of[i], report);
    }
  }
  return report;
}

}  // namespace waybill::flow
