#pragma once
// When to try again.

#include <algorithm>
#include <cstdint>

namespace waybill::flow {

/// Doubles from kFirstMs to kMostMs. Times are Now::steady_ms.
class Backoff {
 public:
  static constexpr int64_t kFirstMs = 1000;
  static constexpr int64_t kMostMs = 30'000;

  bool due(int64_t now_ms) const { return now_ms >= next_ms_; }
  void failed(int64_t now_ms) {
    wait_ms_ = std::clamp(wait_ms_ * 2, kFirstMs, kMostMs);
    next_ms_ = now_ms + wait_ms_;
  }
  /// Not before `wait_ms` from now, whatever came before.
  void hold(int64_t now_ms, int64_t wait_ms) { next_ms_ = now_ms + wait_ms; }
  void succeeded() { wait_ms_ = next_ms_ = 0; }

 private:
  int64_t wait_ms_ = 0;
  int64_t next_ms_ = 0;
};

}  // namespace waybill::flow
