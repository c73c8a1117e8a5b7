#pragma once
// A lock of four bytes for sections of a few nanoseconds.

#include <atomic>
#include <cstdint>

namespace waybill::client {

/// Mutual exclusion for hot calls in other people's threads: one atomic exchange to lock, one plain store to
/// unlock, no system call unless the holder was preempted. A waiter spins, then yields, then sleeps 50 us at
/// a time, so a holder of lower priority gets to run. Not recursive. Never hold it across a call that may
/// block.
class SpinLock {
 public:
  void lock() noexcept {
    if (held_.exchange(1, std::memory_order_acquire) != 0) [[unlikely]] {
      lock_slow();
    }
  }
  void unlock() noexcept { held_.store(0, std::memory_order_release); }

 private:
  void lock_slow() noexcept;

  std::atomic<uint32_t> held_{0};
};

}  // namespace waybill::client
