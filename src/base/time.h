#pragma once
// Time as an argument: pure code gets a Now, wiring code owns a Clock.

#include <chrono>
#include <cstdint>

namespace waybill {

using Millis = std::chrono::milliseconds;

/// One reading of both clocks, in ms. `wall_ms` is epoch time and may jump; `steady_ms` never goes back and has no origin.
struct Now {
  int64_t wall_ms = 0;
  int64_t steady_ms = 0;
};

/// Source of Now. Thread-safe. The real one is system_clock(); tests use testing::FakeClock.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now now() const = 0;
};

/// The machine's clocks. Lives for ever.
const Clock& system_clock();

}  // namespace waybill
