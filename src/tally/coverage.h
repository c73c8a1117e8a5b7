#pragma once
// Exact sets of offsets as sorted runs (DESIGN 4.1). Pure.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/types.h"

namespace waybill::tally {

/// A set of offsets as disjoint, non-touching ranges. Memory grows with the number of runs, not with offsets.
/// insert at the end is O(1) amortized, elsewhere O(log runs). Not thread-safe.
class Coverage {
 public:
  /// Adds a range; appends to `fresh` the parts that were not in the set and to `overlap` the parts that were.
  /// Either may be null. Empty ranges change nothing.
  void insert(OffsetRange range, std::vector<OffsetRange>* fresh = nullptr, std::vector<OffsetRange>* overlap = nullptr);
  /// Removes every offset of the range.
  void erase(OffsetRange range);
  bool contains(Offset offset) const;
  bool contains_all(OffsetRange range) const;
  /// Parts of `range` that are in the set / not in the set, ascending.
  std::vector<OffsetRange> within(OffsetRange range) const;
  std::vector<OffsetRange> missing(OffsetRange range) const;

  std::vector<OffsetRange> runs() const;
  size_t run_count() const { return runs_.size(); }
  int64_t size() const { return size_; }  ///< number of offsets
  bool empty() const { return runs_.empty(); }
  Offset begin() const;  ///< lowest offset. REQUIRES: !empty()
  Offset end() const;    ///< one past the highest. REQUIRES: !empty()
  bool operator==(const Coverage& other) const { return runs_ == other.runs_; }

 private:
  std::map<int64_t, int64_t> runs_;  ///< begin -> end
  int64_t size_ = 0;
};

/// Varint pairs (gap, length) of sorted disjoint ranges, the packing of report.proto and of stored segments.
void append_runs(std::span<const OffsetRange> runs, std::string& out);

}  // namespace waybill::tally
