#include "source/health_notes.h"

#include <gtest/gtest.h>

namespace waybill::source {
namespace {

TEST(HealthNotes, OneSubjectsRecoveryLeavesTheOthers) {
  HealthNotes notes;
  EXPECT_FALSE(notes.degraded());
  EXPECT_TRUE(notes.set("topic a", "unknown"));
  EXPECT_TRUE(notes.set("topic b", "denied"));
  EXPECT_EQ(notes.detail(), "topic a: unknown; topic b: denied");
  EXPECT_TRUE(notes.clear("topic a"));
  EXPECT_FALSE(notes.clear("topic a"));
  EXPECT_TRUE(notes.degraded());
  EXPECT_EQ(notes.detail(), "topic b: denied");
}

TEST(HealthNotes, TheSameTextIsNewsOnce) {
  HealthNotes notes;
  EXPECT_TRUE(notes.set("brokers", "down"));
  EXPECT_FALSE(notes.set("brokers", "down"));
  EXPECT_TRUE(notes.set("brokers", "refused"));
}

TEST(HealthNotes, SubjectsBeyondTheLimitAreFolded) {
  HealthNotes notes;
  for (size_t i = 0; i < HealthNotes::kSubjectsMax; ++i) notes.set("topic " + std::to_string(i), "x");
  notes.set("topic more", "y");
  EXPECT_FALSE(notes.has("topic more"));
  EXPECT_TRUE(notes.has("others"));
}

}  // namespace
}  // namespace waybill::source
