// flow::Query over a real store: filters, grouping, pages, and what is refused.
#include "store/store_test.h"

namespace waybill::store {
namespace {

using flow::Filter;
using flow::Query;
using Op = flow::Filter::Op;

class QueryTest : public testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    store = must_open(GetParam().url(folder));
    const flow::TableSpec* const tables[] = {&sample_table()};
    ASSERT_TRUE(store->ensure(tables));
    Owner task(*store, "t");
    ASSERT_TRUE(
        task.commit_rows({put("a", 1, {1, 5, 5, "x", "a", 0.5}), put("a", 2, {2, 4, 6, "z", "c", 0.5}),
                          put("a", 3, {4, 6, 9, "y", "", 0.5}), put("b", 1, {8, -1, 0, "", "b", 0}),
                          put("b", 7, {16, 0, 0, "", "ba", 0}), put("C", 1, {32, 0, 0, "", "", 0})}));
  }
  std::string ask(Query query) {
    query.table = &sample_table();
    auto page = store->query(query);
    return page ? text_of(page->rows) : "error: " + page.error().message;
  }
  Errc refusal(Query query) {
    query.table = &sample_table();
    auto page = store->query(query);
    return page ? Errc::kEndOfData : page.error().code;
  }

  TempFolder folder;
  std::unique_ptr<flow::Store> store;
};

INSTANTIATE_TEST_SUITE_P(Stores, QueryTest, testing::ValuesIn(all_places()),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(QueryTest, FiltersByKeysAndValues) {
  const std::string a = "a";
  struct Case {
    std::vector<Filter> where;
    std::string counts;
  };
  for (const Case& c :
       std::vector<Case>{{{}, "32 1 2 4 8 16 "},
                         {{{"name", Op::kEq, a}}, "1 2 4 "},
                         {{{"name", Op::kNe, a}}, "32 8 16 "},
                         {{{"name", Op::kGt, a}}, "8 16 "},
                         {{{"name", Op::kEq, a}, {"minute", Op::kGe, int64_t{2}}}, "2 4 "},
                         {{{"minute", Op::kLt, int64_t{2}}, {"count", Op::kLe, int64_t{8}}}, "1 8 "},
                         {{{"note", Op::kEq, std::string("z")}}, "2 "},
                         {{{"weight", Op::kGt, 0.25}, {"high", Op::kGt, int64_t{6}}}, "4 "},
                         {{{"name", Op::kEq, std::string("absent")}}, ""}}) {
    auto page = store->query({.table = &sample_table(), .where = c.where});
    ASSERT_TRUE(page) << page.error().message;
    std::string counts;
    for (const auto& row : page->rows) counts += std::to_string(std::get<int64_t>(row.values[0])) + " ";
    EXPECT_EQ(counts, c.counts);
    EXPECT_FALSE(page->next);
  }
}

TEST_P(QueryTest, JoinsGroupsByTheMergeOfEachColumn) {
  EXPECT_EQ(ask({.group_by = {"name"}}),
            "C: 32 0 0   0.000000\na: 7 4 9 z ac 1.500000\nb: 24 -1 0  ab 0.000000\n");
  EXPECT_EQ(ask({.group_by = {"name"}, .sketches = false}),
            "C: 32 0 0   0.000000\na: 7 4 9 z  1.500000\nb: 24 -1 0   0.000000\n");
  EXPECT_EQ(ask({.where = {{"minute", Op::kLe, int64_t{2}}}, .group_by = {"minute", "name"}, .limit = 2}),
            "1/C: 32 0 0   0.000000\n1/a: 1 5 5 x a 0.500000\n");
  EXPECT_EQ(ask({.where = {{"name", Op::kEq, std::string("absent")}}, .group_by = {"name"}}), "");
}

TEST_P(QueryTest, PagesThroughEveryRowOnceWhateverThePageSizeAndTheFilters) {
  const std::vector<std::vector<Filter>> filters{
      {},
      {{"name", Op::kEq, std::string("a")}},
      {{"minute", Op::kEq, int64_t{1}}},
      {{"count", Op::kGt, int64_t{1}}},
      {{"name", Op::kEq, std::string("a")}, {"minute", Op::kEq, int64_t{2}}}};
  for (const auto& where : filters) {
    const std::string whole = ask({.where = where});
    for (int64_t limit = 1; limit <= 7; ++limit) {
      Query query{.table = &sample_table(), .where = where, .limit = limit};
      std::string pages;
      for (int i = 0; i < 10; ++i) {
        auto page = store->query(query);
        ASSERT_TRUE(page) << page.error().message;
        EXPECT_LE(static_cast<int64_t>(page->rows.size()), limit);
        pages += text_of(page->rows);
        if (!page->next) break;
        query.cursor = *page->next;
      }
      EXPECT_EQ(pages, whole) << "limit " << limit;
    }
  }
}

TEST_P(QueryTest, RefusesWhatTheTableDoesNotHave) {
  EXPECT_EQ(refusal({.where = {{"nothing", Op::kEq, int64_t{1}}}}), Errc::kInvalid);
  EXPECT_EQ(refusal({.where = {{"name", Op::kEq, int64_t{1}}}}), Errc::kInvalid);
  EXPECT_EQ(refusal({.where = {{"count", Op::kEq, 1.0}}}), Errc::kInvalid);
  EXPECT_EQ(refusal({.group_by = {"count"}}), Errc::kInvalid);
  EXPECT_EQ(refusal({.limit = 0}), Errc::kInvalid);
  EXPECT_EQ(refusal({.limit = 100'001}), Errc::kInvalid);
  EXPECT_EQ(refusal({.group_by = {"name"}, .cursor = "x"}), Errc::kInvalid);
}

TEST_P(QueryTest, RefusesACursorThatNoPageGave) {
  for (const char* cursor : {"x", "AAAA", "MTpheDoxOg..", "OTk5OTk5OTk5OTk5OTk5OTk5OTk6", "LTU6YQ..",
                             "\xff\xff\xff\xff", "MTphMTox"}) {
    EXPECT_EQ(refusal({.cursor = cursor}), Errc::kInvalid) << cursor;
  }
}

}  // namespace
}  // namespace waybill::store
