#include "client/spin_lock.h"

#include <sched.h>

#include <ctime>

namespace waybill::client {
namespace {

constexpr int kSpins = 128;
constexpr int kYields = 32;

void pause_cpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

}  // namespace

void SpinLock::lock_slow() noexcept {
  for (int tries = 0;; ++tries) {
    if (held_.load(std::memory_order_relaxed) == 0 && held_.exchange(1, std::memory_order_acquire) == 0)
      return;
    if (tries < kSpins) {
      pause_cpu();
    } else if (tries < kSpins + kYields) {
      sched_yield();
    } else {
      timespec nap{0, 50'000};
      nanosleep(&nap, nullptr);
    }
  }
}

}  // namespace waybill::client
