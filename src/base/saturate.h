#pragma once
// Sums of outside figures that stop at the top instead of wrapping. Saturating addition of non-negative
// numbers is still commutative and associative, so deltas may arrive in any order.

#include <cstdint>
#include <limits>

namespace waybill {

/// a + b, at most 2^64 - 1.
constexpr uint64_t saturating_add(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<uint64_t>::max() : sum;
}

/// a + b * times, at most 2^63 - 1. REQUIRES: a >= 0, b >= 0.
constexpr int64_t saturating_add(int64_t a, int64_t b, uint64_t times) {
  int64_t product = 0;
  int64_t sum = 0;
  if (__builtin_mul_overflow(b, times, &product)) return std::numeric_limits<int64_t>::max();
  return __builtin_add_overflow(a, product, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

}  // namespace waybill
