#pragma once
// Objects that are never freed, because librdkafka may call with them at any time until the process ends.

#include <atomic>

namespace waybill::plugin {

/// Base of such a type T. keep() chains the object to all others of its type, so that debuggers find them and
/// leak checkers see that they are meant to stay. Lock-free: a fork in between does no harm.
template <class T>
class Kept {
 public:
  /// `object` is never to be deleted afterwards.
  static T* keep(T* object) noexcept {
    Kept* link = object;
    link->next_ = head_.load(std::memory_order_relaxed);
    while (!head_.compare_exchange_weak(link->next_, link, std::memory_order_release,
                                        std::memory_order_relaxed)) {
    }
    return object;
  }

 private:
  static inline std::atomic<Kept*> head_{nullptr};
  Kept* next_ = nullptr;
};

}  // namespace waybill::plugin
