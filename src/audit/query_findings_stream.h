#pragma once
// Findings of one group in one partition, joined, in the order of their offsets.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "audit/query_params.h"
#include "flow/store.h"

namespace waybill::audit {

/// A range of offsets with one state, as the API shows it.
struct ShownFinding {
  std::string group;
  int64_t first = 0;
  int64_t last = 0;  ///< inclusive
  std::string state;
  std::string reason;
  std::optional<int64_t> bucket_start;  ///< none when its messages have no bucket of their own
  int64_t verified_ms = 0;              ///< 0 = not verified
  int64_t lost_ms = 0;                  ///< 0 = never found lost
  std::string decision = {};            ///< that closed it; empty = none
  int64_t to_partition = -1;            ///< replayed: where `first` is now
  int64_t to_offset = -1;
  auto order() const { return std::tie(first, group, state); }
};

/// Which findings are wanted.
struct FindingFilter {
  std::string cluster, topic;
  std::string state;               ///< empty = all
  std::optional<TimeRange> range;  ///< of bucket_start
};

/// Reads rows when they are needed. Memory: one page of rows and the findings that are still being joined.
class FindingStream {
 public:
  /// Starts with rows at `from_offset`, without those that `shown` (state -> last offset) has covered
  /// already.
  FindingStream(flow::Store& store, const FindingFilter& filter, int64_t incarnation, int64_t partition,
                std::string group, int64_t from_offset, std::map<std::string, int64_t> shown);
  /// The next finding, or nullptr at the end. It lives until pop().
  Result<const ShownFinding*> peek();
  void pop();
  const std::string& group() const { return group_; }

 private:
  static constexpr int64_t kPageRows = 2000;
  Result<void> read_page();
  void add(ShownFinding finding);
  void close_below(int64_t offset);
  bool first_is_closed() const;

  flow::Store& store_;
  flow::Query query_;
  std::string group_;
  std::map<std::string, int64_t> shown_;
  std::map<std::string, ShownFinding> open_;                        ///< by state: may still grow
  std::map<std::pair<int64_t, std::string>, ShownFinding> closed_;  ///< by first offset and state
  bool more_ = true;
};

}  // namespace waybill::audit
