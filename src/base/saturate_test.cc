#include "base/saturate.h"

#include <gtest/gtest.h>

namespace waybill {
namespace {

constexpr uint64_t kTop = UINT64_MAX;

TEST(SaturatingAdd, AddsAndStopsAtTheTop) {
  EXPECT_EQ(saturating_add(uint64_t{2}, uint64_t{3}), 5u);
  EXPECT_EQ(saturating_add(kTop, uint64_t{0}), kTop);
  EXPECT_EQ(saturating_add(kTop, uint64_t{1}), kTop);
  EXPECT_EQ(saturating_add(int64_t{2}, int64_t{3}, 4), 14);
  EXPECT_EQ(saturating_add(INT64_MAX - 1, int64_t{1}, 1), INT64_MAX);
  EXPECT_EQ(saturating_add(INT64_MAX, int64_t{1}, 1), INT64_MAX);
  EXPECT_EQ(saturating_add(int64_t{0}, int64_t{2}, kTop), INT64_MAX);
  EXPECT_EQ(saturating_add(int64_t{7}, int64_t{0}, kTop), 7);
}

TEST(SaturatingAdd, DoesNotCareAboutTheOrder) {
  const uint64_t values[] = {0, 1, kTop / 2, kTop - 1, kTop};
  for (const uint64_t a : values) {
    for (const uint64_t b : values) {
      for (const uint64_t c : values) {
        EXPECT_EQ(saturating_add(a, saturating_add(b, c)), saturating_add(saturating_add(a, b), c));
      }
    }
  }
}

}  // namespace
}  // namespace waybill
