#include <gtest/gtest.h>

#include "sink/bulk.h"
#include "sink/document_schema.h"
#include "sink/version_base.h"
#include "testing/fake_clock.h"
#include "testing/memory_store.h"

namespace waybill::sink {
namespace {

TEST(BulkTest, SaysOfEachDocumentWhatBecameOfIt) {
  const std::string body =
      R"({"errors":true,"items":[{"index":{"status":201}},{"index":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"r"}}},)"
      R"({"index":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse"}}},)"
      R"({"index":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}},)"
      R"({"index":{"status":400,"error":{"type":"validation_exception","reason":"too many shards"}}},)"
      R"({"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"gone"}}}]})";
  auto outcomes = parse_bulk(body, 6);
  ASSERT_TRUE(outcomes.has_value());
  using Kind = BulkOutcome::Kind;
  const Kind expected[] = {Kind::kDone,  Kind::kDone,  Kind::kRefused,
                           Kind::kAgain, Kind::kAgain, Kind::kAgain};
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ((*outcomes)[i].kind, expected[i]) << i;
  EXPECT_EQ((*outcomes)[2].why, "status 400, mapper_parsing_exception: failed to parse");
  EXPECT_TRUE(*bulk_has_errors(body));
  EXPECT_FALSE(*bulk_has_errors(R"({"errors":false})"));
  for (const char* other : {"", "{}", R"({"errors":)", R"({"errors":1})", "[]"})
    EXPECT_FALSE(bulk_has_errors(other).has_value()) << other;
  EXPECT_FALSE(parse_bulk(body, 7).has_value()) << "not about every document";
  EXPECT_FALSE(parse_bulk(std::string_view(body).substr(0, body.size() / 2), 6).has_value());
}

TEST(BulkTest, WritesOneLineEach) {
  std::string out;
  append_bulk(out, {.index = "i", .id = "a\"b", .version = 7, .document = "{\n}", .typed = true});
  EXPECT_EQ(
      out,
      "{\"index\":{\"_index\":\"i\",\"_type\":\"_doc\",\"_id\":\"a\\\"b\",\"version\":7,\"version_type\":"
      "\"external_gte\"}}\n{ }\n");
}

TEST(BulkTest, LongIdsStayDifferentAndShort) {
  const std::string a = std::string(600, 'x') + "1", b = std::string(600, 'x') + "2";
  EXPECT_EQ(bounded_id("short"), "short");
  EXPECT_LE(bounded_id(a).size(), 512u);
  EXPECT_NE(bounded_id(a), bounded_id(b));
  EXPECT_EQ(bounded_id(a), bounded_id(a));
}

TEST(DocumentSchemaTest, NamesDaysAndKnowsThemAgain) {
  EXPECT_EQ(day_index("audit-tmm", 1'542'942'175'900), "audit-tmm-2018.11.23");
  EXPECT_EQ(day_of_index("audit-tmm", "audit-tmm-2018.11.23"), 17'858);
  for (const char* other : {"audit-tmm", "audit-tmm-2018.11.31", "audit-tmm-keep-2018.11.23",
                            "audit-tmm-2018.11.2x", "other-2018.11.23"})
    EXPECT_FALSE(day_of_index("audit-tmm", other)) << other;
}

TEST(VersionBaseTest, IsTheSameForAllProcessesOfAStoreAndGreaterInALaterOne) {
  testing::MemoryStore store, later;
  testing::FakeClock clock;
  auto first = version_base(store, "a", clock);
  ASSERT_TRUE(first.has_value());
  clock.advance(Millis(1000));
  EXPECT_EQ(*version_base(store, "b", clock), *first);
  EXPECT_EQ(*version_base(later, "a", clock), *first + 1'000'000);
}

}  // namespace
}  // namespace waybill::sink
