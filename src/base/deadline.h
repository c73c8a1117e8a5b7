#pragma once
// The time that a call has, for calls of the system and of libraries that each take a timeout.

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/time.h"

namespace waybill {

/// What is left of a call's time, in ms, at most an hour; 0 when it is over.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Deadline(Millis timeout) : end_(Clock::now() + timeout) {}
  int left_ms() const {
    const auto left = std::chrono::duration_cast<Millis>(end_ - Clock::now()).count();
    return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
  }
  Clock::time_point end() const { return end_; }

 private:
  Clock::time_point end_;
};

}  // namespace waybill
