#pragma once
// Exact sets of offsets as sorted runs (DESIGN 4.1). Pure.

#include <cstdint>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace waybill::tally {

/// A set of offsets as disjoint, non-touching ranges. Memory grows with the number of runs (about 48 bytes
/// each), not with offsets. REQUIRES of every range: begin >= 0. Not thread-safe.
class Coverage {
 public:
  /// Adds a range; appends to `fresh` the parts that were not in the set and to `overlap` the parts that
  /// were, both ascending. Either may be null. Empty ranges change nothing. O(1) at the end, elsewhere O(log
  /// runs + runs joined).
  void insert(OffsetRange range, std::vector<OffsetRange>* fresh = nullptr,
              std::vector<OffsetRange>* overlap = nullptr) {
    if (range.empty()) return;
    if (!runs_.empty()) {
      int64_t& last_end = std::prev(runs_.end())->second;
      if (range.begin.value == last_end) {
        last_end = range.end.value;
        size_ += range.size();
        if (fresh != nullptr) fresh->push_back(range);
        return;
      }
    }
    insert_anywhere(range, fresh, overlap);
  }
  /// Removes every offset of the range. O(log runs + runs removed).
  void erase(OffsetRange range);
  bool contains(Offset offset) const;
  /// True for an empty range.
  bool contains_all(OffsetRange range) const;
  /// Parts of `range` that are in the set / not in the set, ascending. O(log runs + result).
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
  using Runs = std::map<int64_t, int64_t>;
  void insert_anywhere(OffsetRange range, std::vector<OffsetRange>* fresh, std::vector<OffsetRange>* overlap);
  /// First run that ends above `offset`.
  Runs::const_iterator first_ending_above(int64_t offset) const;

  Runs runs_;  ///< begin -> end
  int64_t size_ = 0;
};

/// Appends varint pairs (begin minus previous end, length), the packing of report.proto and of stored
/// segments. REQUIRES: sorted, disjoint, no empty range, begin >= 0.
void append_runs(std::span<const OffsetRange> runs, std::string& out);

/// Reads what append_runs wrote. Errors: kTruncated, kCorrupt (an empty range, an offset above 2^63 - 1).
/// Touching ranges are allowed. Allocates at most 16 times the input.
Result<std::vector<OffsetRange>> read_runs(std::string_view bytes);

}  // namespace waybill::tally
