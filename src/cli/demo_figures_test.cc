#include "cli/demo_figures.h"

#include <gtest/gtest.h>

#include "audit/tables.h"
#include "testing/memory_store.h"

namespace waybill::cli {
namespace {

TEST(DemoFigures, FollowFromWhatTheClientsSaw) {
  DemoWitness producer;
  producer.times[{"t", 0}] = {1, 1, 1, 1, 1, 1};
  producer.times[{"t", 1}] = {1, 1};
  producer.failed["t"] = 3;
  DemoWitness reader;
  reader.times[{"t", 0}] = {1, 0, 3, 1};  // 1 skipped, 2 twice more, 4 and 5 not reached
  DemoFigures figures = planted_figures({producer}, {{"g", {reader}}});
  EXPECT_EQ(figures, (DemoFigures{{{"t", "", "failed"}, 3},
                                  {{"t", "", "produced"}, 8},
                                  {{"t", "g", "consumed"}, 3},
                                  {{"t", "g", "redelivered"}, 2},
                                  {{"t", "g", "lost"}, 1},
                                  {{"t", "g", "pending"}, 2}}));
}

TEST(DemoFigures, TheTableMarksWhatDiffers) {
  DemoFigures planted = {{{"t", "", "produced"}, 12'345}, {{"t", "g", "consumed"}, 1}};
  DemoFigures found = {{{"t", "", "produced"}, 12'345}};
  EXPECT_EQ(demo_table(planted, found, false),
            "topic      group      figure          planted      found\n"
            "t          -          produced         12,345     12,345\n"
            "t          g          consumed              1          0  differs\n");
  EXPECT_NE(demo_table(planted, found, true).find("\x1b[31m"), std::string::npos);
}

TEST(DemoFigures, ThousandsAreSeparated) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(-123456), "-123,456");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
}

TEST(DemoFigures, AreReadFromTheRows) {
  waybill::testing::MemoryStore store;
  ASSERT_TRUE(store.ensure(audit::audit_tables()).has_value());
  auto found = found_figures(store, {{{"t", "g", "consumed"}, 5}});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(*found, (DemoFigures{{{"t", "g", "consumed"}, 0}}));
}

}  // namespace
}  // namespace waybill::cli
