#pragma once
// Positions, segments and outbox entries of commits as rows of the store's own tables.

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/store.h"
#include "store/row_batch.h"

namespace waybill::store {

/// The parts that one commit may add to one segment.
inline constexpr int64_t kPartsPerCommit = 1 << 16;

/// Turns TaskCommits, which outlive it, into row changes that live as long as this object.
class TaskRows {
 public:
  /// `commit_number` grows with every commit of the Task and orders the parts of its segments. Asserts
  /// kSegmentBytesMax.
  void add(const flow::TaskCommit& commit, int64_t commit_number);
  /// Numbers the outbox entries from `first_sequence` and puts everything into `batch`.
  void finish(int64_t first_sequence, RowBatch& batch);
  int64_t outbox_entries() const { return static_cast<int64_t>(outbox_.size()); }

 private:
  /// What is left of a segment's changes.
  struct Segment {
    bool erase = false;  ///< the stored parts first
    std::vector<std::pair<int64_t, const std::string*>> parts;
  };
  void add_segments(const flow::TaskCommit& commit, int64_t commit_number);
  void finish_segments();

  std::map<std::pair<std::string_view, std::string_view>, Segment> segments_;  ///< by Task and name
  std::deque<flow::RowChange> erases_;  ///< carried out before the writes
  std::deque<flow::RowChange> writes_;
  std::vector<const flow::OutboxKey*> outbox_;
};

}  // namespace waybill::store
