#pragma once
// Joins repeated reasons for incompleteness into intervals, so that a lasting fault is one row and not one a
// second. Pure.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "audit/state_codec.h"
#include "base/types.h"

namespace waybill::audit {

/// The newest interval per (topic, reporter, reason). At most kMax; the longest ended is forgotten first (its
/// row stays).
class IncompleteBook {
 public:
  static constexpr size_t kMax = 4096;
  static constexpr int64_t kJoinMs = 60'000;
  struct Interval {
    int64_t from_ms = 0;
    int64_t to_ms = 0;
  };

  /// Adds [from_ms, to_ms]; returns the interval whose row is to be written.
  Interval note(const std::string& topic, const Id128& reporter, const std::string& reason, int64_t from_ms,
                int64_t to_ms) {
    to_ms = std::max(from_ms, to_ms);
    auto [it, fresh] = intervals_.try_emplace({topic, reporter, reason}, Interval{from_ms, to_ms});
    Interval& interval = it->second;
    if (!fresh && from_ms <= interval.to_ms + kJoinMs && from_ms >= interval.from_ms) {
      interval.to_ms = std::max(interval.to_ms, to_ms);
    } else {
      interval = {from_ms, to_ms};
    }
    Interval out = interval;
    if (intervals_.size() > kMax) {
      intervals_.erase(
          std::min_element(intervals_.begin(), intervals_.end(),
                           [](const auto& a, const auto& b) { return a.second.to_ms < b.second.to_ms; }));
    }
    return out;
  }

  void save(StateWriter& out) const {
    out.u64(intervals_.size());
    for (const auto& [key, interval] : intervals_) {
      out.text(std::get<0>(key));
      out.id(std::get<1>(key));
      out.text(std::get<2>(key));
      out.i64(interval.from_ms);
      out.i64(interval.to_ms);
    }
  }
  void load(StateReader& in) {
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
      std::string topic = in.text();
      Id128 reporter = in.id();
      std::string reason = in.text();
      int64_t from_ms = in.i64();
      intervals_[{topic, reporter, reason}] = {from_ms, in.i64()};
    }
  }

 private:
  std::map<std::tuple<std::string, Id128, std::string>, Interval> intervals_;
};

}  // namespace waybill::audit
