#pragma once
// What one step adds to the counts, by group and bucket. Pure values.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/verdict.h"
#include "base/assert.h"
#include "tally/bucket.h"

namespace waybill::audit {

/// Additions (negative when a state ends) to the columns of audit_bucket and audit_partition.
struct Sums {
  int64_t count = 0;
  int64_t bytes = 0;
  int64_t distinct = 0;
  int64_t failed = 0;
  int64_t unknown = 0;
  int64_t offset_unknown = 0;
  int64_t sent = 0;
  int64_t reordered = 0;
  int64_t unaudited = 0;
  int64_t pending = 0;
  int64_t suspected = 0;
  int64_t redelivered = 0;
  int64_t lost = 0;
  int64_t late = 0;
  int64_t unconfirmed = 0;
  int64_t excused = 0;
  int64_t accepted = 0;
  int64_t replayed = 0;
  int64_t lost_found = 0;      ///< became lost; never negative, and not of audit_bucket
  int64_t lost_retracted = 0;  ///< were lost and arrived after all; likewise

  Sums& operator+=(const Sums& o) {
    count += o.count;
    bytes += o.bytes;
    distinct += o.distinct;
    failed += o.failed;
    unknown += o.unknown;
    offset_unknown += o.offset_unknown;
    sent += o.sent;
    reordered += o.reordered;
    unaudited += o.unaudited;
    pending += o.pending;
    suspected += o.suspected;
    redelivered += o.redelivered;
    lost += o.lost;
    late += o.late;
    unconfirmed += o.unconfirmed;
    excused += o.excused;
    accepted += o.accepted;
    replayed += o.replayed;
    lost_found += o.lost_found;
    lost_retracted += o.lost_retracted;
    return *this;
  }
  bool operator==(const Sums&) const = default;
  /// The count of a state.
  int64_t& of(State state) {
    switch (state) {
      case State::kPending:
        return pending;
      case State::kSuspected:
        return suspected;
      case State::kLost:
        return lost;
      case State::kLate:
        return late;
      case State::kRedelivered:
        return redelivered;
      case State::kUnconfirmed:
        return unconfirmed;
      case State::kExcused:
        return excused;
      case State::kAccepted:
        return accepted;
      case State::kReplayed:
        return replayed;
    }
    ASSERT(false);
  }
};

/// Additions of one step. Few groups and labels each time, so a scan from the newest is the fastest look-up.
class CoverageDeltas {
 public:
  struct Item {
    std::string group;  ///< empty = the produce side
    tally::BucketLabel label;
    Sums sums;
  };
  Sums& at(std::string_view group, const tally::BucketLabel& label) {
    for (size_t i = items_.size(); i > 0 && i + kScan > items_.size(); --i) {
      Item& item = items_[i - 1];
      if (item.label == label && item.group == group) return item.sums;
    }
    return items_.emplace_back(Item{std::string(group), label, {}}).sums;
  }
  /// A (group, label) may occur more than once.
  const std::vector<Item>& items() const { return items_; }
  void clear() { items_.clear(); }

 private:
  static constexpr size_t kScan = 64;
  std::vector<Item> items_;
};

}  // namespace waybill::audit
