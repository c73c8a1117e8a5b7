#include "flow/watermark.h"

#include <gtest/gtest.h>

namespace waybill::flow {
namespace {

const SourcePartition kOne{"main", "t", PartitionId(0)};
const SourcePartition kTwo{"main", "t", PartitionId(1)};

class WatermarkTest : public ::testing::Test {
 protected:
  WatermarkTest() {
    marks.add(kOne, at(0));
    marks.add(kTwo, at(0));
  }
  static Now at(int64_t ms) { return {1'000'000 + ms, ms}; }
  void record(const SourcePartition& partition, int64_t time_ms, int64_t now_ms,
              TimeType type = TimeType::kCreate) {
    Record record;
    record.time_ms = time_ms;
    record.time_type = type;
    marks.on_batch({partition, {&record, 1}, Offset(1)}, at(now_ms));
  }
  WatermarkTracker marks{Millis{5000}};
};

TEST_F(WatermarkTest, IsUnknownUntilEveryPartitionHasDelivered) {
  record(kOne, 500, 10);
  EXPECT_EQ(marks.watermark(at(10)).time_ms, INT64_MIN);
  record(kTwo, 300, 20);
  EXPECT_EQ(marks.watermark(at(20)).time_ms, 300);
}

TEST_F(WatermarkTest, APartitionIsLeftOutWhenItIsIdleAtItsEnd) {
  record(kOne, 500, 0);
  record(kTwo, 300, 0);
  record(kOne, 9000, 6000);
  EXPECT_EQ(marks.watermark(at(6000)).time_ms, 300) << "idle, but not known to be at its end";
  marks.on_end(kTwo, true);
  EXPECT_EQ(marks.watermark(at(4999)).time_ms, 300);
  EXPECT_EQ(marks.watermark(at(6000)).time_ms, 9000);
}

TEST_F(WatermarkTest, NeverGoesBack) {
  marks.on_end(kTwo, true);
  record(kOne, 9000, 6000);
  EXPECT_EQ(marks.watermark(at(6000)).time_ms, 9000);
  record(kTwo, 100, 6001);
  EXPECT_EQ(marks.watermark(at(6001)).time_ms, 9000);
}

TEST_F(WatermarkTest, UntimedRecordsDoNotMoveIt) {
  record(kOne, 500, 0);
  record(kTwo, 300, 0);
  record(kTwo, 0, 1, TimeType::kNone);
  EXPECT_EQ(marks.watermark(at(1)).time_ms, 300);
}

TEST_F(WatermarkTest, HasCaughtUpWhenAllPartitionsStandAtTheirEnd) {
  marks.on_end(kOne, true);
  EXPECT_FALSE(marks.watermark(at(0)).caught_up);
  marks.on_end(kTwo, true);
  EXPECT_TRUE(marks.watermark(at(0)).caught_up);
  record(kTwo, 300, 1);
  EXPECT_FALSE(marks.watermark(at(1)).caught_up);
}

}  // namespace
}  // namespace waybill::flow
