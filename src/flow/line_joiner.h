#pragma once
// Lines of records to blocks, for Tasks that scan many lines at once.

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "flow/record.h"

namespace waybill::flow {

/// The block is a view into Batch::lines where the source keeps that, and else a copy. Single-threaded. Use:
///
///   joiner.begin(batch);
///   for (const Record& record : batch.records) {
///     if (!joiner.is_line(record)) { scan(joiner.block()); joiner.next(); alone(record); }
///     else if (!joiner.add(record)) { scan(joiner.block()); joiner.next(); joiner.add(record); }
///   }
///   scan(joiner.block());
class LineJoiner {
 public:
  /// A block is full with `bytes_max`; a longer line makes a block of its own.
  explicit LineJoiner(size_t bytes_max) : bytes_max_(bytes_max) {}

  /// REQUIRES: `batch` outlives the use of its blocks.
  void begin(const Batch& batch) {
    in_place_ = !batch.lines.empty();
    next();
  }
  /// add() is for those only.
  bool is_line(const Record& record) const { return in_place_ || is_one_line(record.value); }
  /// Appends a line to the block. False: it does not fit, because the block is full, or because a record
  /// between was left out; it will after next(). A record without a value is an empty line.
  bool add(const Record& record) {
    const std::string_view line = record.value;
    const size_t size = line.size() + !line.ends_with('\n');
    if (size_ != 0 && size_ + size > bytes_max_) return false;
    if (!in_place_) {
      copy_.resize(size_);
      copy_.append(line).resize(size_ + size, '\n');
    } else if (size_ == 0) {
      first_ = line.data();
    } else if (first_ + size_ != line.data()) {
      return false;
    }
    lines_.push_back({size_, &record});
    size_ += size;
    return true;
  }
  /// The lines since next(), each with its '\n', and kLinePadding readable bytes behind. Dies with add() and
  /// next().
  std::string_view block() {
    if (in_place_) return {first_, size_};
    copy_.resize(size_ + kLinePadding);
    return {copy_.data(), size_};
  }
  /// The record of the n-th line of the block.
  const Record& record(size_t n) const { return *lines_[n].record; }
  size_t lines() const { return lines_.size(); }
  /// The record whose line holds the byte at `offset` of the block.
  const Record& record_at(size_t offset) const {
    auto after = std::upper_bound(lines_.begin(), lines_.end(), offset,
                                  [](size_t at, const Line& line) { return at < line.start; });
    ASSERT(after != lines_.begin());
    return *std::prev(after)->record;
  }
  bool empty() const { return size_ == 0; }
  /// Begins the next block.
  void next() {
    size_ = 0;
    first_ = nullptr;
    lines_.clear();
  }

 private:
  struct Line {
    size_t start;  ///< in the block
    const Record* record;
  };
  size_t bytes_max_;
  bool in_place_ = false;
  const char* first_ = nullptr;
  std::string copy_;
  size_t size_ = 0;
  std::vector<Line> lines_;
};

}  // namespace waybill::flow
