#pragma once
// Log-linear histogram of milliseconds (DESIGN 4.4): relative error <= 1.6 %, mergeable, exact count, sum, min and max.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace waybill::tally {

/// Latencies in ms. Values below 64 ms have a cell each; above, each power of two has 32 cells (HdrHistogram's scheme,
/// https://github.com/HdrHistogram/HdrHistogram), so a cell is at most 1/32 wide and its middle at most 1.6 % off.
/// Negative values (clock skew) are counted apart and enter neither cells nor sum nor min nor max.
/// Values above 2^40 ms count as 2^40. Adding is <= 3 ns once the cell range is allocated. Not thread-safe.
class LatencySketch {
 public:
  void add(int64_t ms, uint64_t times = 1);
  void merge(const LatencySketch& other);

  uint64_t count() const { return count_; }        ///< non-negative values
  uint64_t negative() const { return negative_; }  ///< negative values
  int64_t sum() const { return sum_; }
  int64_t min() const { return min_; }  ///< 0 when count() is 0
  int64_t max() const { return max_; }  ///< 0 when count() is 0
  double mean() const { return count_ ? static_cast<double>(sum_) / static_cast<double>(count_) : 0.0; }
  /// Value at rank ceil(q * count), 0 <= q <= 1; the middle of its cell, clamped to [min, max]. 0 when count() is 0.
  int64_t quantile(double q) const;
  bool empty() const { return count_ == 0 && negative_ == 0; }
  void clear();

  /// Compact bytes (varints, sparse cells): the `latency` field of report.proto, also used by the store. Empty when empty().
  std::string encode() const;
  /// Any bytes give a sketch or an error (kCorrupt, kTruncated); bounded memory.
  static Result<LatencySketch> decode(std::string_view bytes);

  bool operator==(const LatencySketch&) const;

 private:
  uint64_t count_ = 0;
  uint64_t negative_ = 0;
  int64_t sum_ = 0;
  int64_t min_ = 0;
  int64_t max_ = 0;
  std::vector<uint64_t> cells_;  ///< by cell index, as long as the highest used cell
};

}  // namespace waybill::tally
