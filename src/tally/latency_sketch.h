#pragma once
// Log-linear histogram of milliseconds (DESIGN 4.4): relative error <= 1.6 %, mergeable, exact count, sum,
// min and max.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/saturate.h"

namespace waybill::tally {

/// Latencies in ms. Values below 64 ms have a cell each; above, each power of two has 32 cells
/// (HdrHistogram's scheme, https://github.com/HdrHistogram/HdrHistogram), so a cell is at most 1/32 wide and
/// its middle at most 1.6 % off. Negative values (clock skew) are counted apart and enter neither cells nor
/// sum nor min nor max. Values above 2^40 ms (35 years) count as 2^40. Counts and sum stop at the top of
/// their type instead of wrapping, so adding and merging stay commutative and associative for any input.
/// Adding is <= 3 ns once the cell range is allocated. Memory: 8 bytes for each cell up to the highest used
/// one (at most 1,153) once something was added; 16 bytes for each used cell of a decoded sketch. Not
/// thread-safe.
class LatencySketch {
 public:
  static constexpr int64_t kMaxMs = int64_t{1} << 40;

  /// A non-empty cell: the values in [low_ms, low_ms + width_ms), `count` of them.
  struct Cell {
    uint32_t index = 0;
    uint64_t count = 0;
    int64_t low_ms() const { return index < 64 ? index : int64_t{32 + index % 32} << (index / 32 - 1); }
    int64_t width_ms() const { return index < 64 ? 1 : int64_t{1} << (index / 32 - 1); }
    bool operator==(const Cell&) const = default;
  };

  void add(int64_t ms, uint64_t times = 1) {
    if (times == 0) return;
    if (ms < 0) [[unlikely]] {
      negative_ = saturating_add(negative_, times);
      return;
    }
    ms = std::min(ms, kMaxMs);
    add_to_cell(cell_of(ms), times);
    count_ = saturating_add(count_, times);
    sum_ = saturating_add(sum_, ms, times);
    min_ = std::min(min_, ms);
    max_ = std::max(max_, ms);
  }
  /// Has the memory fetched that add(ms) will change.
  [[gnu::always_inline]] void prefetch(int64_t ms) const {
    const uint32_t index = cell_of(std::clamp<int64_t>(ms, 0, kMaxMs));
    if (index < dense_.size()) __builtin_prefetch(&dense_[index], 1);
  }
  void merge(const LatencySketch& other);

  uint64_t count() const { return count_; }        ///< non-negative values
  uint64_t negative() const { return negative_; }  ///< negative values
  int64_t sum() const { return sum_; }
  int64_t min() const { return count_ ? min_ : 0; }  ///< 0 when count() is 0
  int64_t max() const { return max_; }               ///< 0 when count() is 0
  double mean() const { return count_ ? static_cast<double>(sum_) / static_cast<double>(count_) : 0.0; }
  /// Value at rank max(1, ceil(q * count)), 0 <= q <= 1; the middle of its cell, clamped to [min, max]. The
  /// first rank is min() and the last max(), exactly. 0 when count() is 0. Cost: linear in the cells.
  int64_t quantile(double q) const;
  bool empty() const { return count_ == 0 && negative_ == 0; }
  /// Forgets all values; keeps the memory of the cells for the next ones.
  void clear();
  /// The non-empty cells, ascending.
  std::vector<Cell> cells() const;

  /// Compact bytes: the `Latency` message of report.proto, also used by the store. Empty when empty().
  std::string encode() const;
  /// Any bytes give a sketch or an error: kTruncated, or kCorrupt (not protobuf, cells that contradict count,
  /// sum, min or max). Unknown fields are skipped. Allocates at most 32 times the input and 80 KiB.
  static Result<LatencySketch> decode(std::string_view bytes);

  bool operator==(const LatencySketch&) const;

 private:
  static constexpr uint32_t cell_of(int64_t ms) {
    const int shift = std::bit_width(static_cast<uint64_t>(ms) | 32) - 6;
    return static_cast<uint32_t>(32 * shift + (ms >> shift));
  }
  void add_to_cell(uint32_t index, uint64_t times) {
    if (index >= dense_.size()) [[unlikely]]
      grow(index);
    dense_[index] = saturating_add(dense_[index], times);
  }
  void grow(uint32_t index);
  template <class Fn>
  void for_each_cell(Fn fn) const;

  uint64_t count_ = 0;
  uint64_t negative_ = 0;
  int64_t sum_ = 0;
  int64_t min_ = std::numeric_limits<int64_t>::max();
  int64_t max_ = 0;
  std::vector<uint64_t> dense_;  ///< by cell index; empty while the cells are in sparse_
  std::vector<Cell> sparse_;     ///< ascending; as decoded, so that a few bytes stay a few bytes in memory
};

}  // namespace waybill::tally
