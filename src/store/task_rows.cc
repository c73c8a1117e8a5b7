#include "store/task_rows.h"

#include <string>

#include "base/assert.h"
#include "base/base64.h"
#include "store/schema.h"

namespace waybill::store {

using flow::RowChange;
using flow::SegmentChange;

void TaskRows::add(const flow::TaskCommit& commit, int64_t commit_number) {
  for (const auto& [partition, next] : commit.positions) {
    writes_.push_back(
        {.table = &position_table(),
         .op = RowChange::Op::kUpsert,
         .key = {commit.task, partition.source, partition.topic, int64_t{partition.partition.value}},
         .values = {next.value}});
  }
  if (commit.changes == nullptr) return;
  add_segments(commit, commit_number);
  for (const auto& key : commit.changes->outbox) outbox_.push_back(&key);
}

/// Only what is left at the end of the commit is written: a replaced or dropped segment first loses its
/// stored parts.
void TaskRows::add_segments(const flow::TaskCommit& commit, int64_t commit_number) {
  int64_t part = commit_number * kPartsPerCommit;
  ASSERT(commit.changes->segments.size() < static_cast<size_t>(kPartsPerCommit));
  for (const SegmentChange& change : commit.changes->segments) {
    ASSERT(change.bytes.size() <= flow::kSegmentBytesMax);
    Segment& segment = segments_[{commit.task, change.name}];
    if (change.op != SegmentChange::Op::kAppend) segment = {.erase = true, .parts = {}};
    if (change.op != SegmentChange::Op::kDrop) segment.parts.emplace_back(part++, &change.bytes);
  }
}

void TaskRows::finish_segments() {
  for (const auto& [name, segment] : segments_) {
    const std::vector<flow::Value> prefix{std::string(name.first), std::string(name.second)};
    if (segment.erase) {
      erases_.push_back(
          {.table = &segment_table(), .op = RowChange::Op::kErasePrefix, .key = prefix, .values = {}});
    }
    for (const auto& [part, bytes] : segment.parts) {
      RowChange& write = writes_.emplace_back();
      write = {.table = &segment_table(),
               .op = RowChange::Op::kUpsert,
               .key = prefix,
               .values = {base64_encode(*bytes)}};
      write.key.emplace_back(part);
    }
  }
}

void TaskRows::finish(int64_t first_sequence, RowBatch& batch) {
  finish_segments();
  for (const flow::OutboxKey* entry : outbox_) {
    writes_.push_back({.table = &outbox_table(),
                       .op = RowChange::Op::kUpsert,
                       .key = {first_sequence++},
                       .values = {entry->table, entry->key, entry->body}});
  }
  for (const RowChange& change : erases_) batch.add(change);
  for (const RowChange& change : writes_) batch.add(change);
}

}  // namespace waybill::store
