#include "client/repeats.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace waybill::client {
namespace {

TEST(Repeats, adds_up_overlapping_ranges) {
  Repeats repeats;
  repeats.add({Offset(0), Offset(10)});
  repeats.add({Offset(5), Offset(15)}, 2);
  repeats.add({Offset(7), Offset(7)});
  std::vector<tally::Repeat> want{
      {{Offset(0), Offset(5)}, 1}, {{Offset(5), Offset(10)}, 3}, {{Offset(10), Offset(15)}, 2}};
  EXPECT_EQ(repeats.list(), want);
}

TEST(Repeats, joins_neighbours_of_equal_times) {
  Repeats repeats;
  repeats.add({Offset(0), Offset(3)});
  repeats.add({Offset(3), Offset(6)});
  EXPECT_EQ(repeats.list(), (std::vector<tally::Repeat>{{{Offset(0), Offset(6)}, 1}}));
}

TEST(Repeats, agrees_with_counting_each_offset) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Repeats repeats;
    std::map<int64_t, uint64_t> model;
    for (int i = 0; i < 20; ++i) {
      int64_t begin = random() % 40;
      int64_t end = begin + random() % 10;
      uint64_t times = random() % 3;
      repeats.add({Offset(begin), Offset(end)}, times);
      for (int64_t at = begin; at < end && times > 0; ++at) model[at] += times;
    }
    std::map<int64_t, uint64_t> got;
    for (const auto& repeat : repeats.list()) {
      for (Offset at = repeat.range.begin; at < repeat.range.end; ++at) got[at.value] = repeat.times;
    }
    ASSERT_EQ(got, model) << "round " << round;
  }
}

}  // namespace
}  // namespace waybill::client
