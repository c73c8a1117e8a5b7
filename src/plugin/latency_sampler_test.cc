#include "plugin/latency_sampler.h"

#include <gtest/gtest.h>

namespace waybill::plugin {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

/// A message enqueued `age_us` ago, stamped then or with the application's own time.
struct Burst {
  LatencySampler sampler;
  int measured = 0;

  int64_t ask(int64_t now_ms, int64_t age_us, int64_t time_ms) {
    return sampler.latency_us(now_ms, time_ms, [&] {
      ++measured;
      return age_us;
    });
  }
  int64_t ask_stamped(int64_t now_ms, int64_t age_ms) { return ask(now_ms, age_ms * 1000, now_ms - age_ms); }
};

TEST(LatencySampler, measures_one_message_of_a_burst_and_derives_the_others) {
  Burst burst;
  for (int64_t i = 0; i < 17; ++i) EXPECT_EQ(burst.ask_stamped(kNow, 20 + i), (20 + i) * 1000) << i;
  EXPECT_EQ(burst.measured, 1);
  burst.ask_stamped(kNow, 5);
  EXPECT_EQ(burst.measured, 2) << "a burst ends after kUses";
}

TEST(LatencySampler, measures_again_in_the_next_tick) {
  Burst burst;
  for (int64_t tick = 0; tick < 5; ++tick) EXPECT_EQ(burst.ask_stamped(kNow + 4 * tick, 7), 7000);
  EXPECT_EQ(burst.measured, 5);
}

TEST(LatencySampler, measures_every_message_with_a_time_of_the_applications_own) {
  Burst burst;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(burst.ask(kNow, 3000 + i, kNow - 86'400'000), 3000 + i);
  EXPECT_EQ(burst.measured, 10);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(burst.ask(kNow, 3000 + i, -1), 3000 + i);
  EXPECT_EQ(burst.measured, 20);
}

TEST(LatencySampler, measures_a_message_whose_time_is_far_from_the_bursts) {
  Burst burst;
  burst.ask_stamped(kNow, 5);
  EXPECT_EQ(burst.ask(kNow, 6000, kNow - 50'000), 6000);
  EXPECT_EQ(burst.measured, 2);
}

TEST(LatencySampler, gives_no_negative_latency) {
  Burst burst;
  EXPECT_EQ(burst.ask(kNow, -1, kNow), 0);
  EXPECT_EQ(burst.ask(kNow, 0, kNow + 2), 0);
  EXPECT_EQ(burst.measured, 1);
}

}  // namespace
}  // namespace waybill::plugin
