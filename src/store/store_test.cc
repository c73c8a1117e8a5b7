// The contract of flow::Store, run against every kind of store.
#include "store/store_test.h"

#include <atomic>
#include <limits>
#include <thread>

namespace waybill::store {
namespace {

using flow::CommitResult;
using flow::SegmentChange;
using flow::SourcePartition;
using Op = flow::SegmentChange::Op;

class StoreTest : public testing::TestWithParam<Place> {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    store.reset();
    store = must_open(GetParam().url(folder));
    const flow::TableSpec* const tables[] = {&sample_table()};
    ASSERT_TRUE(store->ensure(tables));
  }
  std::string rows() { return text_of(all_rows(*store, sample_table())); }

  TempFolder folder;
  std::unique_ptr<flow::Store> store;
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreTest, testing::ValuesIn(all_places()),
                         [](const auto& tested) { return tested.param.name; });

SourcePartition partition(int32_t n) { return {"main", "reports", PartitionId(n)}; }

TEST_P(StoreTest, MergesEachColumnInItsOwnWay) {
  Owner task(*store, "t");
  ASSERT_TRUE(task.commit_rows({put("a", 60, {2, 5, 5, "old", "ac", 0.5})}));
  ASSERT_TRUE(
      task.commit_rows({put("a", 60, {3, 4, 9, "new", "b", 1.25}), put("b", 60, {1, 1, 1, "n", "", 0})}));
  EXPECT_EQ(rows(), "a/60: 5 4 9 new abc 1.750000\nb/60: 1 1 1 n  0.000000\n");
}

TEST_P(StoreTest, KeepsTheOrderOfErasingAndWritingAKeyWithinACommit) {
  Owner task(*store, "t");
  ASSERT_TRUE(
      task.commit_rows({put("a", 1, {.count = 10}), put("a", 2, {.count = 20}), put("b", 1, {.count = 30})}));
  ASSERT_TRUE(
      task.commit_rows({put("a", 1, {.count = 1}), erase("a", 1), put("a", 1, {.count = 2}),
                        put("a", 1, {.count = 3}), put("b", 1, {.count = 1}), put("b", 2, {.count = 1}),
                        erase_all("b"), put("b", 3, {.count = 7}), erase("none", 1)}));
  EXPECT_EQ(rows(), "a/1: 5 0 0   0.000000\na/2: 20 0 0   0.000000\nb/3: 7 0 0   0.000000\n");
}

TEST_P(StoreTest, WritesMoreRowsThanOneStatementHolds) {
  constexpr int64_t kRows = 5617;
  Owner task(*store, "t");
  for (int round = 0; round < 2; ++round) {
    flow::Rows many;
    for (int i = 0; i < kRows; ++i)
      many.push_back(put("k" + std::to_string(i % 617), i, {.count = i, .letters = round ? "b" : "a"}));
    ASSERT_TRUE(task.commit_rows(std::move(many)));
  }
  auto page = store->query({.table = &sample_table(),
                            .where = {{"letters", flow::Filter::Op::kEq, std::string("ab")}},
                            .limit = 10'000});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->rows.size(), static_cast<size_t>(kRows));
  int64_t sum = 0;
  for (const auto& row : page->rows) sum += std::get<int64_t>(row.values[0]);
  EXPECT_EQ(sum, (kRows - 1) * kRows);
}

TEST_P(StoreTest, HandsOutPositionsAndAHigherEpochToEachOwner) {
  Owner first(*store, "t", "one");
  EXPECT_EQ(first.owned.epoch, 1);
  EXPECT_TRUE(first.owned.positions.empty());
  ASSERT_TRUE(first.commit({}, {{partition(0), Offset(5)}, {partition(1), Offset(9)}}));
  ASSERT_TRUE(first.commit({}, {{partition(0), Offset(7)}}));
  reopen();
  Owner second(*store, "t", "two");
  EXPECT_EQ(second.owned.epoch, 2);
  const std::vector<std::pair<SourcePartition, Offset>> expected{{partition(0), Offset(7)},
                                                                 {partition(1), Offset(9)}};
  EXPECT_EQ(second.owned.positions, expected);
}

TEST_P(StoreTest, LeavesOutTheFencedTaskAndCommitsTheOthers) {
  Owner stale(*store, "t", "one");
  Owner fresh(*store, "t", "two");
  Owner other(*store, "u", "one");
  flow::Changes lost{.rows = {put("lost", 1, {.count = 1})},
                     .segments = {{Op::kReplace, "s", "x"}},
                     .outbox = {{"sample", "lost", ""}}};
  flow::Changes kept{.rows = {put("kept", 1, {.count = 1})}};
  const flow::TaskCommit commits[] = {stale.with(lost, {{partition(0), Offset(99)}}), other.with(kept)};
  auto results = store->commit(commits);
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_EQ(*results, (std::vector<CommitResult>{CommitResult::kFenced, CommitResult::kCommitted}));
  EXPECT_EQ(rows(), "kept/1: 1 0 0   0.000000\n");
  EXPECT_TRUE(store->outbox(0, 10)->empty());
  Owner last(*store, "t", "three");
  EXPECT_TRUE(last.owned.positions.empty());
  EXPECT_TRUE(last.owned.segments->names().empty());
}

TEST_P(StoreTest, AppendsReplacesAndDropsSegments) {
  Owner task(*store, "t");
  const std::string binary("\0\xff'\";--\n", 8);
  ASSERT_TRUE(task.commit({.segments = {{Op::kReplace, "log", "1"},
                                        {Op::kAppend, "log", binary},
                                        {Op::kReplace, "gone", "x"},
                                        {Op::kAppend, "fresh", "f"}}}));
  ASSERT_TRUE(task.commit(
      {.segments = {{Op::kAppend, "log", "3"}, {Op::kDrop, "gone", ""}, {Op::kReplace, "empty", ""}}}));
  Owner again(*store, "t");
  EXPECT_EQ(again.owned.segments->names(), (std::vector<std::string>{"empty", "fresh", "log"}));
  EXPECT_EQ(*again.owned.segments->read("log"), "1" + binary + "3");
  EXPECT_EQ(*again.owned.segments->read("empty"), "");
  EXPECT_EQ(again.owned.segments->read("gone").error().code, Errc::kNotFound);
  ASSERT_TRUE(again.commit({.segments = {{Op::kAppend, "log", "4"},
                                         {Op::kReplace, "log", "new"},
                                         {Op::kAppend, "log", "+"},
                                         {Op::kAppend, "fresh", "x"},
                                         {Op::kDrop, "fresh", ""}}}));
  EXPECT_EQ(task.owned.segments->read("log").error().code, Errc::kFenced);
  Owner last(*store, "t");
  EXPECT_EQ(*last.owned.segments->read("log"), "new+");
  EXPECT_EQ(last.owned.segments->names(), (std::vector<std::string>{"empty", "log"}));
}

TEST_P(StoreTest, TakesASegmentOfOneMebibyteAndDiesAboveIt) {
  Owner task(*store, "t");
  std::string bytes(flow::kSegmentBytesMax, '\xab');
  ASSERT_TRUE(task.commit(
      {.segments = {
           {Op::kReplace, "big", bytes}, {Op::kReplace, "bigger", bytes}, {Op::kAppend, "more", bytes}}}));
  EXPECT_EQ(*Owner(*store, "t").owned.segments->read("big"), bytes);
  bytes += "x";
  EXPECT_DEATH((void)Owner(*store, "t").commit({.segments = {{Op::kReplace, "big", bytes}}}), "BUG");
}

TEST_P(StoreTest, NumbersTheOutboxInTheOrderOfCommits) {
  Owner task(*store, "t");
  ASSERT_TRUE(task.commit({.outbox = {{"sample", "a", ""}, {"sample", "b", "body"}}}));
  ASSERT_TRUE(task.commit({.outbox = {{"sample", "c", ""}}}));
  auto rows = store->outbox(0, 2);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ(rows->at(1).key.body, "body");
  EXPECT_EQ(store->outbox({.after = 0, .limit = 3, .bytes_max = 1})->size(), 1u);
  auto names = store->outbox({.after = 1, .limit = 3, .bodies = false});
  ASSERT_EQ(names->size(), 2u);
  EXPECT_EQ(names->at(0).key.key, "b");
  EXPECT_EQ(names->at(0).key.body, "");
  ASSERT_TRUE(store->outbox_done(rows->at(1).sequence));
  reopen();
  rows = store->outbox(0, 10);
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->at(0).key.key, "c");
  EXPECT_EQ(rows->at(0).sequence, 3);
  ASSERT_TRUE(store->outbox_done(3));
  Owner next(*store, "t");
  ASSERT_TRUE(next.commit({.outbox = {{"sample", "d", ""}}}));
  EXPECT_EQ(store->outbox(0, 10)->at(0).sequence, 4) << "a sequence is never used twice";
}

TEST_P(StoreTest, GivesALeaseToOneOwnerUntilItRunsOut) {
  auto ask = [&](const std::string& owner, int64_t at) {
    return *store->lease("drain", owner, Millis(100), {.wall_ms = at});
  };
  auto one = ask("one", 1000);
  EXPECT_TRUE(one.held);
  EXPECT_EQ(one.epoch, 1);
  auto two = ask("two", 1050);
  EXPECT_FALSE(two.held);
  EXPECT_EQ(two.holder, "one");
  EXPECT_EQ(ask("one", 1090).epoch, 1) << "renewing is no change of hands";
  EXPECT_FALSE(ask("two", 1150).held);
  two = ask("two", 1190);
  EXPECT_TRUE(two.held);
  EXPECT_EQ(two.epoch, 2);
  EXPECT_FALSE(ask("one", 1200).held);
}

TEST_P(StoreTest, KeepsItsIdForEver) {
  const std::string id = store->id();
  EXPECT_EQ(id.size(), 32u);
  reopen();
  EXPECT_EQ(store->id(), id);
}

TEST_P(StoreTest, DeletesRowsPastTheirRetentionButNotThoseWithoutATime) {
  store.reset();
  store = must_open(GetParam().url(folder), {.minutes_ms = 1000});
  Owner task(*store, "t");
  flow::Rows many;
  for (int64_t i = 0; i < 10'500; ++i)
    many.push_back(put("k" + std::to_string(i), 1 + i % 5000, {.count = 1}));
  many.push_back(put("untimed", 0, {.count = 1}));
  many.push_back(put("young", 8999, {.count = 1}));
  many.push_back(put("old", 8998, {.count = 1}));
  ASSERT_TRUE(task.commit_rows(std::move(many)));
  const flow::TableSpec* const tables[] = {&sample_table()};
  const Now now{.wall_ms = 9999};
  EXPECT_EQ(*store->expire(tables, now), 10'000) << "bounded work per call";
  EXPECT_EQ(*store->expire(tables, now), 501);
  EXPECT_EQ(*store->expire(tables, now), 0);
  EXPECT_EQ(rows(), "untimed/0: 1 0 0   0.000000\nyoung/8999: 1 0 0   0.000000\n");
}

TEST_P(StoreTest, AddsColumnsOfAHigherVersionAndRefusesALowerOne) {
  Owner task(*store, "t");
  ASSERT_TRUE(task.commit_rows({put("a", 1, {.count = 1})}));
  static const flow::TableSpec newer = [] {
    flow::TableSpec spec = sample_table();
    spec.version = 2;
    spec.values.push_back({"extra"});
    spec.values.push_back({"label", flow::ColumnType::kText, flow::Merge::kLast});
    return spec;
  }();
  const flow::TableSpec* const tables[] = {&newer};
  ASSERT_TRUE(store->ensure(tables));
  ASSERT_TRUE(store->ensure(tables));
  EXPECT_EQ(text_of(all_rows(*store, newer)), "a/1: 1 0 0   0.000000 0 \n");
  const flow::TableSpec* const old[] = {&sample_table()};
  auto refused = store->ensure(old);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnsupported);
  EXPECT_NE(refused.error().message.find("version 2"), std::string::npos) << refused.error().message;
}

TEST_P(StoreTest, RefusesATableWhoseKeysOrTypesChanged) {
  static const flow::TableSpec other_keys = [] {
    flow::TableSpec spec = sample_table();
    spec.version = 2;
    spec.keys.pop_back();
    return spec;
  }();
  static const flow::TableSpec other_type = [] {
    flow::TableSpec spec = sample_table();
    spec.version = 2;
    spec.values[0].type = flow::ColumnType::kDouble;
    return spec;
  }();
  for (const flow::TableSpec* spec : {&other_keys, &other_type}) {
    const flow::TableSpec* const tables[] = {spec};
    auto refused = store->ensure(tables);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kConflict);
  }
}

TEST_P(StoreTest, KeepsHostileTextAsItIs) {
  Owner task(*store, "t'; drop table sample; --");
  const std::string name = "'; DROP TABLE sample; -- \" :v0 ? \\,}{NULL\\ \xe4\xb8\xad";
  ASSERT_TRUE(
      task.commit({.rows = {put(name, 1, {.count = 1, .note = name})}, .outbox = {{"sample", name, name}}}));
  auto page = store->query({.table = &sample_table(), .where = {{"name", flow::Filter::Op::kEq, name}}});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->rows.size(), 1u);
  EXPECT_EQ(std::get<std::string>(page->rows[0].values[3]), name);
  EXPECT_EQ(store->outbox(0, 1)->at(0).key.body, name);
}

TEST_P(StoreTest, KeepsNamesApartThatDifferInCaseBlanksOrFarBehind) {
  Owner task(*store, "t");
  const std::string longer(300, 'x');
  const std::vector<std::string> names{"a",        "A",         "a ",         " a",        "\xc3\xa4",
                                       "\xc3\x84", "a\xcc\x88", longer + "1", longer + "2"};
  for (int round = 0; round < 2; ++round) {
    flow::Rows changes;
    for (const auto& name : names)
      changes.push_back(put(name, 1, {.count = 1, .letters = round ? "b" : "a"}));
    ASSERT_TRUE(task.commit_rows(std::move(changes)));
  }
  EXPECT_EQ(all_rows(*store, sample_table()).size(), names.size());
  for (const auto& name : names) {
    auto page = store->query({.table = &sample_table(), .where = {{"name", flow::Filter::Op::kEq, name}}});
    ASSERT_TRUE(page) << page.error().message;
    ASSERT_EQ(page->rows.size(), 1u) << name;
    EXPECT_EQ(text_of(page->rows[0].values, " "), "2 0 0  ab 0.000000");
  }
  ASSERT_TRUE(task.commit_rows({erase(longer + "1", 1), erase_all("a ")}));
  EXPECT_EQ(all_rows(*store, sample_table()).size(), names.size() - 2);
}

TEST_P(StoreTest, ReplacesBytesThatAServerWouldRefuse) {
  Owner task(*store, "t");
  const std::string bad("n\0\xff\xc3", 4), good = "n\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd";
  ASSERT_TRUE(
      task.commit_rows({put(bad, 1, {.count = 1, .note = bad}), put(good, 1, {.count = 1, .note = bad})}));
  EXPECT_EQ(rows(), good + "/1: 2 0 0 " + good + "  0.000000\n");
  auto page = store->query({.table = &sample_table(), .where = {{"name", flow::Filter::Op::kEq, bad}}});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->rows.size(), 1u);
}

TEST_P(StoreTest, KeepsTheEndsOfTheRangesOfNumbers) {
  Owner task(*store, "t");
  constexpr auto kMin = std::numeric_limits<int64_t>::min(), kMax = std::numeric_limits<int64_t>::max();
  const double weight = 0.1 + 0.2;
  ASSERT_TRUE(task.commit_rows({put("a", kMin, {kMax, kMin, kMax, "", "", weight}), put("b", kMax, {kMin})}));
  const auto all = all_rows(*store, sample_table());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].key[1], flow::Value(kMin));
  EXPECT_EQ(all[0].values[0], flow::Value(kMax));
  EXPECT_EQ(all[0].values[1], flow::Value(kMin));
  EXPECT_EQ(all[0].values[5], flow::Value(weight)) << "no digit is lost";
  EXPECT_EQ(all[1].values[0], flow::Value(kMin));
}

TEST_P(StoreTest, ReadersSeeWholeCommitsWhileOthersAreWritten) {
  Owner task(*store, "t");
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0, reads = 0, failed = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 6; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        auto page = store->query({.table = &sample_table()});
        ++reads;
        if (!page) {
          ++failed;
          continue;
        }
        for (const auto& row : page->rows) torn += row.values[0] != page->rows[0].values[0];
        torn += page->rows.size() != 0 && page->rows.size() != 50;
      }
    });
  }
  for (int round = 0; round < 60; ++round) {
    flow::Rows all;
    for (int i = 0; i < 50; ++i) all.push_back(put("k" + std::to_string(i), 1, {.count = 1}));
    ASSERT_TRUE(task.commit_rows(std::move(all)));
  }
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(failed, 0);
  EXPECT_GT(reads, 6);
}

}  // namespace
}  // namespace waybill::store
