// Taking, feeding, committing and dropping Tasks.

#include <algorithm>
#include <thread>

#include "base/assert.h"
#include "flow/failpoint.h"
#include "flow/runner_impl.h"

namespace waybill::flow {
namespace {

/// A revocation waits so long for an unavailable store; then the next owner reads on from what is stored.
constexpr int64_t kRevokeMs = 5000;
constexpr Millis kRevokeStep{100};
/// A fenced Task is taken again only when nobody has taken its partitions away for longer than a session
/// lasts: then it was fenced by a process that has none, and would stand still for ever otherwise.
constexpr int64_t kFencedHoldMs = 10'000;

}  // namespace

std::vector<TaskSlot*> Runner::Impl::all_slots() {
  std::vector<TaskSlot*> result;
  for (auto& [id, slot] : slots) result.push_back(slot.get());
  return result;
}

std::vector<SourcePartition> Runner::Impl::assigned(std::span<const SourcePartition> partitions) {
  auto parts = split_by_plan(plan, partitions);
  if (!parts) {
    for (const auto& topic : plan.topics) {
      bool found =
          std::any_of(partitions.begin(), partitions.end(), [&](const auto& p) { return p.topic == topic; });
      if (found) continue;
      note_error("assignment", {Errc::kNotFound, "topic " + topic + " is not there yet"});
      return {};  // offered again
    }
    fatal = parts.error();
    return {};
  }
  for (auto& part : *parts) add_slot(std::move(part));
  return {partitions.begin(), partitions.end()};
}

void Runner::Impl::add_slot(TaskPart part) {
  ASSERT(source != nullptr);
  auto slot = std::make_unique<TaskSlot>();
  slot->part = std::move(part);
  TaskSlot& here = *slot;
  for (const auto& partition : here.part.partitions) by_partition[partition] = &here;
  slots[here.part.id] = std::move(slot);
  if (!outage && take(here)) return;
  park(here);
}

/// Makes the Task from the store and begins to read at its positions. False: try again later.
bool Runner::Impl::take(TaskSlot& slot) {
  Now now = clock.now();
  auto owned = store.take(slot.part.id, options.owner);
  if (!owned) {
    note_error("taking " + slot.part.id, owned.error());
    slot.retry.failed(now.steady_ms);
    return false;
  }
  auto task = plan.make_task(slot.part.id, slot.part.partitions);
  auto restored = task->restore(*owned->segments);
  if (!restored) {
    note_error("restoring " + slot.part.id, restored.error());
    slot.retry.failed(now.steady_ms);
    return false;
  }
  slot.drop();
  if (!seek_to_positions(slot, owned->positions)) {
    slot.retry.failed(now.steady_ms);
    return false;
  }
  slot.epoch = owned->epoch;
  slot.marks = WatermarkTracker(options.idle_after);
  for (const auto& partition : slot.part.partitions) slot.marks.add(partition, now);
  slot.task = std::move(task);
  slot.retry.succeeded();
  return true;
}

bool Runner::Impl::seek_to_positions(TaskSlot& slot,
                                     const std::vector<std::pair<SourcePartition, Offset>>& stored) {
  for (const auto& [partition, next] : stored) slot.positions[partition] = next;
  for (const auto& partition : slot.part.partitions) {
    auto next = slot.positions.find(partition);
    auto origin = slot.origins.find(partition);
    if (next == slot.positions.end() && origin == slot.origins.end())
      continue;  // begins where the source begins
    auto done = source->seek(partition, next != slot.positions.end() ? next->second : origin->second);
    if (done) continue;
    note_error("seeking", done.error());
    slot.positions.clear();
    return false;
  }
  return true;
}

void Runner::Impl::park(TaskSlot& slot) {
  slot.drop();
  for (const auto& partition : slot.part.partitions) source->pause(partition);
}

void Runner::Impl::retry_parked(Now now) {
  for (auto& [id, slot] : slots) {
    if (slot->task || !slot->retry.due(now.steady_ms) || !take(*slot)) continue;
    for (const auto& partition : slot->part.partitions) source->resume(partition);
  }
}

void Runner::Impl::revoked(std::span<const SourcePartition> partitions, RevokeReason reason) {
  std::set<TaskSlot*> leaving;
  for (const auto& partition : partitions) {
    auto found = by_partition.find(partition);
    if (found != by_partition.end()) leaving.insert(found->second);
  }
  if (reason == RevokeReason::kRebalanced && !leaving.empty()) {
    // All slots: what an outage has kept goes in one transaction with the rest.
    int64_t until_ms = clock.now().steady_ms + kRevokeMs;
    if (settle_until_ms != 0) until_ms = std::min(until_ms, settle_until_ms);
    while (!cycle(clock.now()) && clock.now().steady_ms < until_ms) {
      std::this_thread::sleep_for(kRevokeStep);
      commit_retry.succeeded();  // others wait for these partitions: no back-off
    }
  }
  for (TaskSlot* slot : leaving) {
    for (const auto& partition : slot->part.partitions) by_partition.erase(partition);
    slots.erase(TaskId(slot->part.id));
  }
}

void Runner::Impl::process(const Batch& batch, Now now) {
  if (batch.records.empty() && !batch.gap && batch.from.topic.empty()) return;  // nothing came
  auto found = by_partition.find(batch.from);
  if (found == by_partition.end() || !found->second->task)
    return;  // fenced meanwhile: another owner reads these
  TaskSlot& slot = *found->second;
  if (!slot.positions.contains(batch.from)) {
    Offset first = batch.gap               ? batch.gap->range.begin
                   : batch.records.empty() ? batch.next
                                           : batch.records.front().offset;
    slot.origins.try_emplace(batch.from, first);
  }
  if (!batch.records.empty() || batch.gap) slot.task->process(batch, now);
  slot.marks.on_batch(batch, now);
  auto [position, fresh] = slot.positions.try_emplace(batch.from, batch.next);
  if (fresh || position->second != batch.next) {
    position->second = batch.next;
    slot.moved.insert(batch.from);
  }
  tally.records += static_cast<int64_t>(batch.records.size());
  if (batch.gap) tally.gap_messages += batch.gap->messages();
}

/// Answers to a Task that was dropped, or to an earlier life of it, are dropped: the new one asks again.
void Runner::Impl::deliver_answers(Now now) {
  for (auto& ready : asks.take()) {
    auto found = slots.find(ready.task);
    if (found == slots.end() || !found->second->task || found->second->epoch != ready.epoch) continue;
    found->second->task->answer(ready.answer, now);
  }
}

void Runner::Impl::advance(Now now) {
  behind = false;
  for (auto& [id, slot] : slots) {
    if (!slot->task) continue;
    for (const auto& partition : slot->part.partitions) {
      auto bounds = source->bounds(partition);
      if (!bounds) continue;
      // Without a position nothing has come: in an empty log nothing can.
      auto next = slot->positions.find(partition);
      const Offset at = next != slot->positions.end() ? next->second : bounds->start;
      slot->marks.on_end(partition, at >= bounds->end);
    }
    const Watermark watermark = slot->marks.watermark(now);
    behind = behind || !watermark.caught_up;
    slot->task->advance(watermark, now);
  }
}

size_t Runner::Impl::pending_bytes() const {
  size_t bytes = 0;
  for (const auto& [id, slot] : slots) {
    if (slot->task && !outage) bytes += slot->task->pending_bytes();
  }
  return bytes;
}

/// Flushes and commits when it is time. True when nothing is left uncommitted by a failure.
bool Runner::Impl::cycle(Now now) {
  bool stopping = settle_until_ms != 0;
  if (outage && !stopping && !commit_retry.due(now.steady_ms)) return false;
  auto slots_now = all_slots();
  CycleReport report = flush_and_commit(store, slots_now);
  switch (report.outcome) {
    case CycleReport::Outcome::kNothing:
      if (outage) end_outage();  // what could not be written left with its partitions
      return true;
    case CycleReport::Outcome::kCommitted:
      settle(report, now);
      return true;
    case CycleReport::Outcome::kFailed:
      ++tally.commit_failures;
      note_error("commit", report.error);
      begin_outage(now);
      return false;
    case CycleReport::Outcome::kUnknown:
      ++tally.commit_failures;
      note_error("commit, whose outcome is unknown", report.error);
      // The store has either all of it or nothing, and take() loads what it has: both are right.
      for (TaskSlot* slot : report.part_of) park(*slot);
      if (outage) end_outage();
      return true;
  }
  return true;
}

void Runner::Impl::settle(CycleReport& report, Now now) {
  ++tally.commits;
  tally.last_commit_wall_ms = now.wall_ms;
  tally.last_error.clear();
  if (!report.positions.empty()) source->publish(report.positions, store.id());
  failpoint("publish.after");
  for (auto& [slot, open] : report.asks) {
    for (auto& ask : open) asks.submit({slot->part.id, slot->epoch, std::move(ask)});
  }
  for (TaskSlot* slot : report.fenced) {
    ++tally.fenced;
    if (log) log(LogLevel::kWarn, slot->part.id + ": another owner has taken it; dropped");
    park(*slot);
    slot->retry.hold(now.steady_ms, kFencedHoldMs);
  }
  if (outage) end_outage();
}

void Runner::Impl::begin_outage(Now now) {
  commit_retry.failed(now.steady_ms);
  if (outage) return;
  outage = true;
  for (auto& [id, slot] : slots) {
    for (const auto& partition : slot->part.partitions) source->pause(partition);
  }
}

void Runner::Impl::end_outage() {
  outage = false;
  commit_retry.succeeded();
  for (auto& [id, slot] : slots) {
    if (!slot->task) continue;  // parked: resumed when taken
    for (const auto& partition : slot->part.partitions) source->resume(partition);
  }
}

}  // namespace waybill::flow
