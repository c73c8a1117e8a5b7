#include "tally/bucket.h"

#include <gtest/gtest.h>

namespace waybill::tally {
namespace {

TEST(BucketStart, FloorsOnBothSidesOfTheEpoch) {
  EXPECT_EQ(bucket_start(0, 60'000), BucketStart(0));
  EXPECT_EQ(bucket_start(59'999, 60'000), BucketStart(0));
  EXPECT_EQ(bucket_start(60'000, 60'000), BucketStart(60'000));
  EXPECT_EQ(bucket_start(-1, 60'000), BucketStart(-60'000));
  EXPECT_EQ(bucket_start(-60'000, 60'000), BucketStart(-60'000));
}

TEST(Bucket, MergeAddsEveryFigure) {
  Bucket a;
  a.label = {BucketKind::kNormal, BucketStart(60'000)};
  a.time_types = kCreateTime;
  a.count = 1;
  a.bytes = 2;
  a.unknown = 3;
  a.offset_unknown = 4;
  a.failed = {{-185, 5}, {7, 6}};
  a.latency.add(8);
  Bucket b = a;
  b.time_types = kAppendTime;
  b.failed = {{7, 1}, {9, 2}};
  b.count = UINT64_MAX;

  Bucket want;
  want.label = a.label;
  want.time_types = kCreateTime | kAppendTime;
  want.count = UINT64_MAX;
  want.bytes = 4;
  want.unknown = 6;
  want.offset_unknown = 8;
  want.failed = {{-185, 5}, {7, 7}, {9, 2}};
  want.latency.add(8, 2);
  Bucket ab = a;
  ab.merge(b);
  Bucket ba = b;
  ba.merge(a);
  EXPECT_EQ(ab, want);
  EXPECT_EQ(ba, want);
  EXPECT_EQ(want.failed_total(), 14u);
}

TEST(BucketDeathTest, MergeRefusesAnotherBucket) {
  Bucket a;
  Bucket b;
  b.label.kind = BucketKind::kFar;
  EXPECT_DEATH(a.merge(b), "BUG: .*label");
}

}  // namespace
}  // namespace waybill::tally
