#include "watch/forward_row.h"

#include <gtest/gtest.h>

namespace waybill::watch {
namespace {

flow::OutboxKey sample(bool has_key) {
  flow::Record record{.offset = Offset(42), .has_key = has_key, .has_value = true};
  record.key = "k:\x1f";
  record.value = std::string_view("a\0:\n", 4);
  return forward_row("errors", {"main", "access-log", PartitionId(3)}, record, -5);
}

TEST(ForwardRow, ComesBackAsItWas) {
  for (bool has_key : {true, false}) {
    auto row = parse_forward_row(sample(has_key));
    ASSERT_TRUE(row);
    EXPECT_EQ(row->watch, "errors");
    EXPECT_EQ(row->cluster, "main");
    EXPECT_EQ(row->topic, "access-log");
    EXPECT_EQ(row->partition, 3);
    EXPECT_EQ(row->offset, 42);
    EXPECT_EQ(row->time_ms, -5);
    EXPECT_EQ(row->has_key, has_key);
    EXPECT_EQ(row->key, has_key ? "k:\x1f" : "");
    EXPECT_EQ(row->value, std::string_view("a\0:\n", 4));
  }
}

TEST(ForwardRow, RefusesWhatItDidNotMake) {
  const flow::OutboxKey good = sample(true);
  for (const char* body : {"", "YQ==", "YQ==:", "YQ==:x", "Y:1", "YQ==:1:!", "YQ==:1:YQ==:"}) {
    EXPECT_FALSE(parse_forward_row({good.table, good.key, body})) << body;
  }
  for (const char* key : {"",
                          "a\x1f"
                          "b\x1f"
                          "c\x1f"
                          "1",
                          "a\x1f"
                          "b\x1f"
                          "c\x1f"
                          "x\x1f"
                          "1"}) {
    EXPECT_FALSE(parse_forward_row({good.table, key, good.body})) << key;
  }
  EXPECT_FALSE(parse_forward_row({"other", good.key, good.body}));
}

}  // namespace
}  // namespace waybill::watch
