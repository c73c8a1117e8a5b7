#pragma once
// Latencies of acknowledgements without reading a clock for each.

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace waybill::plugin {

/// rd_kafka_message_latency() reads the clock, which is most of what an acknowledgement costs.
/// Acknowledgements come in bursts, and librdkafka stamps a message with the time at which it was enqueued;
/// so within a burst one measured message gives the others: their latencies differ as their create times do.
/// A burst is up to kUses acknowledgements on one thread within one tick of the coarse clock. Messages whose
/// create time is not the time of enqueueing (the application's own stamps, LogAppendTime) are measured one
/// by one. Error: 1 ms of rounding, and at most one tick (4 ms) when a thread gets two batches within one
/// tick. Thread-safe, lock-free.
class LatencySampler {
 public:
  static constexpr uint32_t kUses = 16;

  /// `now_ms`: the coarse clock. `time_ms`: the message's create time, negative when it has none. `measure`
  /// gives the exact latency in us. The result is in us, >= 0.
  template <class Measure>
  int64_t latency_us(int64_t now_ms, int64_t time_ms, Measure measure) {
    auto self = static_cast<uintptr_t>(pthread_self());
    Slot& slot = slots_[((self * 0x9E3779B97F4A7C15ull) >> 40) % slots_.size()];
    if (time_ms >= 0 && slot.owner.load(std::memory_order_relaxed) == self) {
      int64_t tick = slot.tick_ms.load(std::memory_order_relaxed);
      uint32_t uses = slot.uses.load(std::memory_order_relaxed);
      int64_t latency = slot.latency_us.load(std::memory_order_relaxed);
      int64_t older_ms = slot.time_ms.load(std::memory_order_relaxed) - time_ms;
      // Another thread may have taken the slot; it says so before it writes.
      std::atomic_thread_fence(std::memory_order_acquire);
      bool mine = slot.owner.load(std::memory_order_relaxed) == self;
      if (mine && tick == now_ms && uses < kUses && std::abs(older_ms) < kSpreadMs) {
        slot.uses.store(uses + 1, std::memory_order_relaxed);
        int64_t derived = latency + older_ms * 1000;
        return derived < 0 ? 0 : derived;
      }
    }
    int64_t exact = measure();
    if (exact < 0) exact = 0;
    // Stamped at enqueueing? Then the create time plus the latency is now.
    bool stamped = time_ms >= 0 && std::abs(now_ms - exact / 1000 - time_ms) <= kStampMs;
    slot.owner.store(self, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    slot.tick_ms.store(now_ms, std::memory_order_relaxed);
    slot.uses.store(stamped ? 0 : kUses, std::memory_order_relaxed);
    slot.latency_us.store(exact, std::memory_order_relaxed);
    slot.time_ms.store(time_ms, std::memory_order_relaxed);
    return exact;
  }

 private:
  static constexpr int64_t kStampMs = 8;      ///< two ticks of the coarse clock
  static constexpr int64_t kSpreadMs = 1000;  ///< create times further apart are no burst

  struct alignas(64) Slot {
    std::atomic<uintptr_t> owner{0};
    std::atomic<int64_t> tick_ms{0};
    std::atomic<uint32_t> uses{kUses};
    std::atomic<int64_t> latency_us{0};
    std::atomic<int64_t> time_ms{0};
  };
  std::array<Slot, 16> slots_;
};

}  // namespace waybill::plugin
