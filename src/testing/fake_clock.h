#pragma once
// A clock that stands still until a test moves it.

#include <mutex>

#include "base/time.h"

namespace waybill::testing {

/// Both clocks under the hand of a test. Thread-safe. A move of the wall clock alone is what an NTP step
/// does.
class FakeClock final : public Clock {
 public:
  /// 2023-11-14T22:13:20Z, and a steady clock with another origin, so that mixing them up shows.
  FakeClock() = default;
  explicit FakeClock(Now start) : now_(start) {}

  Now now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  void set(Now now) {
    const std::lock_guard lock(mutex_);
    now_ = now;
  }
  /// Time passes: both clocks go on.
  void advance(Millis by) {
    const std::lock_guard lock(mutex_);
    now_.wall_ms += by.count();
    now_.steady_ms += by.count();
  }
  /// The wall clock jumps, forward or back; the steady clock does not.
  void step_wall(Millis by) {
    const std::lock_guard lock(mutex_);
    now_.wall_ms += by.count();
  }

 private:
  mutable std::mutex mutex_;
  Now now_{1'700'000'000'000, 5'000'000};
};

}  // namespace waybill::testing
