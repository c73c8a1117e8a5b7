#include "flow/failpoint.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace waybill::flow {
namespace {

TEST(FailpointDeathTest, AbortsAtTheNthPassageOfTheNamedPoint) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        setenv("WAYBILL_FAILPOINT", "commit.after:3", 1);
        for (int i = 0; i < 5; ++i) failpoint("commit.before");
        failpoint("commit.after");
        failpoint("commit.after");
        std::fprintf(stderr, "two passed;");
        failpoint("commit.after");
        std::fprintf(stderr, "three passed");
      },
      ::testing::KilledBySignal(SIGABRT), "two passed;failpoint commit.after");
}

TEST(FailpointDeathTest, DoesNothingWhenUnset) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        unsetenv("WAYBILL_FAILPOINT");
        for (int i = 0; i < 5; ++i) failpoint("commit.after");
        std::exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace waybill::flow
