#include "store/task_rows.h"

#include <map>
#include <string_view>
#include <utility>

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
  struct Final {
    bool erase = false;
    std::vector<const SegmentChange*> parts;
  };
  std::map<std::string_view, Final> segments;
  for (const SegmentChange& change : commit.changes->segments) {
    ASSERT(change.bytes.size() <= flow::kSegmentBytesMax);
    Final& segment = segments[change.name];
    if (change.op != SegmentChange::Op::kAppend) segment = {.erase = true, .parts = {}};
    if (change.op != SegmentChange::Op::kDrop) segment.parts.push_back(&change);
  }
  for (const auto& [name, segment] : segments) {
    ASSERT(segment.parts.size() < static_cast<size_t>(kPartsPerCommit));
    if (segment.erase) {
      erases_.push_back({.table = &segment_table(),
                         .op = RowChange::Op::kErasePrefix,
                         .key = {commit.task, std::string(name)},
                         .values = {}});
    }
    int64_t part = commit_number * kPartsPerCommit;
    for (const SegmentChange* change : segment.parts) {
      writes_.push_back({.table = &segment_table(),
                         .op = RowChange::Op::kUpsert,
                         .key = {commit.task, std::string(name), part++},
                         .values = {base64_encode(change->bytes)}});
    }
  }
}

void TaskRows::finish(int64_t first_sequence, RowBatch& batch) {
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
