#pragma once
// Tumbling windows in a zone: days are local days (of 23 to 25 hours), shorter windows count from their
// start.

#include <cstdint>

#include "decode/time_zone.h"

namespace waybill::kpi {

struct WindowSpan {
  int64_t start_ms = 0;
  int64_t end_ms = 0;
};

/// Copies are independent; not thread-safe: it remembers the last day. Cost: 2 ns within it, else 300 ns.
class Windows {
 public:
  static constexpr int64_t kDayMs = 86'400'000;
  /// `width_ms` divides a day, or is a day, or seven (from Monday). The last window of a day ends with the
  /// day.
  Windows(decode::Zone zone, int64_t width_ms) : zone_(std::move(zone)), width_ms_(width_ms) {}
  /// The window that holds an instant.
  WindowSpan at(int64_t ms) {
    if (ms < day_start_ms_ || ms >= day_end_ms_) load_day(ms);
    if (width_ms_ >= kDayMs) return {day_start_ms_, day_end_ms_};
    const int64_t start = day_start_ms_ + (ms - day_start_ms_) / width_ms_ * width_ms_;
    return {start, start + width_ms_ < day_end_ms_ ? start + width_ms_ : day_end_ms_};
  }
  const decode::Zone& zone() const { return zone_; }
  static bool allowed(int64_t width_ms) {
    return width_ms == kDayMs || width_ms == 7 * kDayMs ||
           (width_ms >= 1000 && width_ms < kDayMs && kDayMs % width_ms == 0);
  }

 private:
  void load_day(int64_t ms);
  decode::Zone zone_;
  int64_t width_ms_;
  int64_t day_start_ms_ = 0;
  int64_t day_end_ms_ = 0;
};

}  // namespace waybill::kpi
