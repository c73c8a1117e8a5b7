#pragma once
// Which bucket the messages of a range belong to, so that a group that comes later can be told what it owes
// per bucket. Pure.

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/types.h"
#include "tally/bucket.h"

namespace waybill::audit {

/// Offset -> bucket label, as runs. A run spans offsets that nobody claimed when both sides have one label.
/// At most kRunsMax runs: the lowest are forgotten first, and what is not known reads as `far`.
class LabelMap {
 public:
  static constexpr size_t kRunsMax = 1024;
  using Piece = std::pair<OffsetRange, tally::BucketLabel>;

  /// REQUIRES: `range` is not empty. O(log runs).
  void assign(OffsetRange range, const tally::BucketLabel& label);
  /// `range` cut at label borders, ascending, without holes.
  std::vector<Piece> pieces(OffsetRange range) const;
  /// Every run, ascending; load() of each restores the map.
  std::vector<Piece> runs() const;
  void load(const Piece& run) { runs_.emplace(run.first.begin.value, Run{run.first.end, run.second}); }
  bool operator==(const LabelMap&) const = default;

 private:
  struct Run {
    Offset end;
    tally::BucketLabel label;
    bool operator==(const Run&) const = default;
  };
  std::map<int64_t, Run> runs_;  ///< begin -> run
};

}  // namespace waybill::audit
