#include "testing/fake_clock.h"

#include <gtest/gtest.h>

namespace waybill::testing {
namespace {

TEST(FakeClock, StandsStillUntilItIsMoved) {
  FakeClock clock;
  const Now start = clock.now();
  EXPECT_EQ(clock.now().wall_ms, start.wall_ms);
  clock.advance(Millis(250));
  EXPECT_EQ(clock.now().wall_ms, start.wall_ms + 250);
  EXPECT_EQ(clock.now().steady_ms, start.steady_ms + 250);
  clock.step_wall(Millis(-1000));
  EXPECT_EQ(clock.now().wall_ms, start.wall_ms - 750);
  EXPECT_EQ(clock.now().steady_ms, start.steady_ms + 250);
  clock.set({1, 2});
  EXPECT_EQ(clock.now().wall_ms, 1);
  EXPECT_EQ(clock.now().steady_ms, 2);
}

}  // namespace
}  // namespace waybill::testing
