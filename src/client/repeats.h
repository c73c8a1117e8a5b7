#pragma once
// Offsets handed out more often than once, with how often. Pure.

#include <cstdint>
#include <map>
#include <vector>

#include "tally/report.h"

namespace waybill::client {

/// A multiset of offsets as its differences: at each border, by how much the multiplicity changes. Adding is
/// O(log borders), memory grows with borders. Not thread-safe.
class Repeats {
 public:
  void add(OffsetRange range, uint64_t times = 1);
  /// Sorted, disjoint; neighbours with equal times are joined.
  std::vector<tally::Repeat> list() const;
  bool empty() const { return steps_.empty(); }
  size_t borders() const { return steps_.size(); }

 private:
  void step(int64_t at, int64_t by);

  std::map<int64_t, int64_t> steps_;
};

}  // namespace waybill::client
