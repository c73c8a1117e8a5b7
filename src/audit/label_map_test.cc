#include "audit/label_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace waybill::audit {
namespace {

using tally::BucketKind;
using tally::BucketLabel;

BucketLabel label(int64_t start) { return {BucketKind::kNormal, BucketStart(start)}; }
OffsetRange range(int64_t begin, int64_t end) { return {Offset(begin), Offset(end)}; }

TEST(LabelMapTest, SpansHolesBetweenEqualLabels) {
  LabelMap map;
  for (int64_t i = 0; i < 100; ++i) map.assign(range(i * 10, i * 10 + 9), label(60));
  EXPECT_EQ(map.runs().size(), 1u);
  map.assign(range(500, 510), label(120));
  EXPECT_EQ(map.runs().size(), 3u);
}

TEST(LabelMapTest, WhatIsNotKnownIsFar) {
  LabelMap map;
  map.assign(range(10, 20), label(60));
  auto pieces = map.pieces(range(5, 25));
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[0], LabelMap::Piece(range(5, 10), {BucketKind::kFar, BucketStart(0)}));
  EXPECT_EQ(pieces[1], LabelMap::Piece(range(10, 20), label(60)));
  EXPECT_EQ(pieces[2], LabelMap::Piece(range(20, 25), {BucketKind::kFar, BucketStart(0)}));
}

TEST(LabelMapTest, ForgetsTheLowestRunsFirst) {
  LabelMap map;
  for (int64_t i = 0; i < 3000; ++i) map.assign(range(i, i + 1), label(i % 2 * 60));
  EXPECT_EQ(map.runs().size(), LabelMap::kRunsMax);
  EXPECT_EQ(map.pieces(range(0, 1)).front().second.kind, BucketKind::kFar);
  EXPECT_EQ(map.pieces(range(2999, 3000)).front().second, label(60));
}

TEST(LabelMapTest, KnowsTheLabelOfEveryOffsetThatWasAssigned) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    LabelMap map, again;
    std::map<int64_t, BucketLabel> plain;
    for (int i = 0; i < 80; ++i) {
      auto begin = static_cast<int64_t>(random() % 100);
      int64_t end = begin + 1 + static_cast<int64_t>(random() % 10);
      BucketLabel l = label(static_cast<int64_t>(random() % 3) * 60);
      map.assign(range(begin, end), l);
      for (int64_t o = begin; o < end; ++o) plain[o] = l;
    }
    for (const auto& [o, l] : plain) EXPECT_EQ(map.pieces(range(o, o + 1)).front().second, l) << o;
    for (const auto& run : map.runs()) again.load(run);
    EXPECT_TRUE(again == map);
  }
}

}  // namespace
}  // namespace waybill::audit
