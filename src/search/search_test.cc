#include <gtest/gtest.h>

#include "search/connection.h"
#include "search/hits.h"
#include "search/server_kind.h"

namespace waybill::search {
namespace {

std::string root(const std::string& version, const std::string& tagline) {
  return R"({"name":"n","version":)" + version + R"(,"tagline":")" + tagline + R"("})";
}

TEST(ServerKindTest, TellsTheProductsAndWhatTheyHave) {
  struct Case {
    std::string body;
    std::string text;
    bool typed, composable, frozen, shard_doc;
  };
  const std::string know = "You Know, for Search",
                    project = "The OpenSearch Project: https://opensearch.org/";
  const Case cases[] = {
      {root(R"({"number":"6.8.23"})", know), "Elasticsearch 6.8.23", true, false, false, false},
      {root(R"({"number":"7.9.3"})", know), "Elasticsearch 7.9.3", false, true, false, false},
      {root(R"({"number":"7.10.2"})", know), "Elasticsearch 7.10.2", false, true, true, false},
      {root(R"({"number":"7.17.28"})", know), "Elasticsearch 7.17.28", false, true, true, true},
      {root(R"({"number":"8.11.4"})", know), "Elasticsearch 8.11.4", false, true, true, true},
      {root(R"({"distribution":"opensearch","number":"2.19.4"})", project), "OpenSearch 2.19.4", false, true,
       true, false},
      {root(R"({"distribution":"opensearch","number":"1.3.0"})", project), "OpenSearch 1.3.0", false, true,
       false, false},
      {root(R"({"number":"7.10.2"})", project), "OpenSearch 7.10.2", false, true, false, false},
  };
  for (const Case& c : cases) {
    auto kind = parse_server_kind(c.body);
    ASSERT_TRUE(kind.has_value()) << c.text;
    EXPECT_EQ(kind->text(), c.text);
    EXPECT_EQ(kind->typed(), c.typed) << c.text;
    EXPECT_EQ(kind->composable_templates(), c.composable) << c.text;
    EXPECT_EQ(kind->point_in_time(), c.frozen) << c.text;
    EXPECT_EQ(kind->shard_doc(), c.shard_doc) << c.text;
  }
  for (const char* other : {"", "<html>", "{}", R"({"version":"1"})", R"({"version":{"number":"x"}})",
                            R"({"version":{"number":"5.6.0"}})"})
    EXPECT_EQ(parse_server_kind(other).error().code, Errc::kUnsupported) << other;
}

TEST(HitsTest, ReadsAPageWithItsCursorAndSortValues) {
  std::string body =
      R"({"took":3,"timed_out":false,"pit_id":"abc","_shards":{"total":2,"successful":2,"failed":0},"hits":{"max_score":null,)"
      R"("hits":[{"_index":"log4j-1","_id":"a\"b","_score":null,"_source":{"message":"{\"x\":[1]}","n":[1,{"y":2}]},"sort":[1542902448037,7]},)"
      R"({"sort":[1542902448038,8],"_source":{},"_id":"c","_index":"log4j-2"}]}})";
  auto page = parse_hits(body);
  ASSERT_TRUE(page.has_value()) << page.error().message;
  EXPECT_EQ(page->cursor, "abc");
  EXPECT_EQ(page->last_sort, "[1542902448038,8]");
  ASSERT_EQ(page->hits.size(), 2u);
  EXPECT_EQ(page->hits[0].id, "log4j-1/a\"b");
  EXPECT_EQ(page->hits[0].sort_ms, 1542902448037);
  EXPECT_TRUE(page->hits[0].json.starts_with(R"({"_index":"log4j-1")"));
  EXPECT_NE(page->hits[0].json.find(R"("sort":[1542902448037,7]})"), std::string_view::npos);
  EXPECT_EQ(page->hits[1].id, "log4j-2/c");
}

TEST(HitsTest, AnAnswerThatIsNotWholeIsNone) {
  auto code = [](std::string body) { return parse_hits(body).error().code; };
  EXPECT_EQ(code(R"({"timed_out":true,"hits":{"hits":[]}})"), Errc::kUnavailable);
  EXPECT_EQ(code(R"({"_shards":{"failed":1},"hits":{"hits":[]}})"), Errc::kUnavailable);
  EXPECT_EQ(code(R"({"hits":{"hits":[{"_index":"i","_id":"x","sort":["2018"]}]}})"), Errc::kInvalid);
  EXPECT_EQ(code(R"({"hits":{"hits":[{"_index":"i","_id":)"), Errc::kCorrupt);
  EXPECT_EQ(code(R"({"took":1})"), Errc::kCorrupt);
  EXPECT_EQ(code("<html>"), Errc::kCorrupt);
  EXPECT_EQ(code(""), Errc::kCorrupt);
}

TEST(ReplyTest, SaysWhatTheServerSays) {
  EXPECT_EQ(
      reply_text(
          {404,
           R"({"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [x]"}]}})"}),
      "status 404, index_not_found_exception: no such index [x]");
  EXPECT_EQ(reply_text({500, R"({"error":"plain"})"}), "status 500, plain");
  EXPECT_EQ(reply_text({503, "a\nb"}), "status 503, a b");
  EXPECT_EQ(reply_error({429, ""}).code, Errc::kUnavailable);
  EXPECT_EQ(reply_error({401, ""}).code, Errc::kDenied);
}

}  // namespace
}  // namespace waybill::search
