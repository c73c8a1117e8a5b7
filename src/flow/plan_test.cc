#include "flow/plan.h"

#include <gtest/gtest.h>

namespace waybill::flow {
namespace {

Plan make_plan(Plan::Kind kind, std::vector<std::string> topics = {}) {
  return {"engine", "name", kind, std::move(topics), {}, nullptr};
}

SourcePartition at(std::string topic, int32_t number) {
  return {"main", std::move(topic), PartitionId(number)};
}

TEST(Plan, EachPartitionHasATaskOfItsOwn) {
  std::vector<SourcePartition> partitions{at("t", 0), at("u", 7)};
  auto parts = split_by_plan(make_plan(Plan::Kind::kEach), partitions);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].id, "engine/name/t/0");
  EXPECT_EQ((*parts)[1].id, "engine/name/u/7");
  EXPECT_EQ((*parts)[1].partitions, std::vector<SourcePartition>{at("u", 7)});
}

TEST(Plan, AlignedPartitionsOfOneNumberShareATask) {
  std::vector<SourcePartition> partitions{at("u", 1), at("t", 0), at("t", 1), at("u", 0)};
  auto parts = split_by_plan(make_plan(Plan::Kind::kAligned, {"t", "u"}), partitions);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[1].id, "engine/name/1");
  EXPECT_EQ((*parts)[1].partitions, (std::vector<SourcePartition>{at("t", 1), at("u", 1)}));
}

TEST(Plan, AnAlignedTopicWithFewerPartitionsIsNamed) {
  std::vector<SourcePartition> partitions{at("t", 0), at("t", 1), at("u", 0)};
  auto parts = split_by_plan(make_plan(Plan::Kind::kAligned, {"t", "u"}), partitions);
  ASSERT_FALSE(parts);
  EXPECT_EQ(parts.error().code, Errc::kInvalid);
  EXPECT_NE(parts.error().message.find("partition 1 is missing in u"), std::string::npos);
}

TEST(Plan, AWholePlanHasOneTask) {
  std::vector<SourcePartition> partitions{at("u", 1), at("t", 0)};
  auto parts = split_by_plan(make_plan(Plan::Kind::kWhole), partitions);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 1u);
  EXPECT_EQ((*parts)[0].id, "engine/name");
  EXPECT_EQ((*parts)[0].partitions, (std::vector<SourcePartition>{at("t", 0), at("u", 1)}));
  EXPECT_TRUE(split_by_plan(make_plan(Plan::Kind::kWhole), {})->empty());
}

}  // namespace
}  // namespace waybill::flow
