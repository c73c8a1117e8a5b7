#include "store/row_batch.h"

#include <gtest/gtest.h>

#include "store/store_test.h"

namespace waybill::store {
namespace {

/// "erase-prefixes | erases | upserts ; next stage", by name and count.
std::string plan(const flow::Rows& rows) {
  RowBatch batch;
  for (const auto& change : rows) batch.add(change);
  std::string out;
  for (const auto& table : batch.tables()) {
    for (const Stage& stage : table.stages) {
      for (const auto* prefix : stage.prefixes) out += text_of(*prefix, "/") + "* ";
      out += "| ";
      for (const auto* key : stage.erases) out += text_of(*key, "/") + " ";
      out += "| ";
      for (const auto& row : stage.upserts) {
        if (!row.erased)
          out +=
              text_of(row.change->key, "/") + "=" + std::to_string(std::get<int64_t>(row.values()[0])) + " ";
      }
      out += "; ";
    }
  }
  return out;
}

TEST(RowBatch, JoinsUpsertsOfOneKey) {
  EXPECT_EQ(plan({put("a", 1, {.count = 1}), put("b", 1, {.count = 2}), put("a", 1, {.count = 4}),
                  put("a", 2, {.count = 8})}),
            "| | a/1=5 b/1=2 a/2=8 ; ");
}

TEST(RowBatch, AnEraseTakesBackWhatWasWrittenAndWhatIsStored) {
  EXPECT_EQ(plan({put("a", 1, {.count = 1}), erase("a", 1), erase("a", 1)}), "| a/1 | ; ");
  EXPECT_EQ(
      plan({put("a", 1, {.count = 1}), erase("a", 1), put("a", 1, {.count = 2}), put("a", 1, {.count = 4})}),
      "| a/1 | a/1=6 ; ");
}

TEST(RowBatch, APrefixIsErasedAfterWhatWasWrittenBeforeIt) {
  EXPECT_EQ(plan({erase_all("a"), put("a", 1, {.count = 1})}), "a* | | a/1=1 ; ");
  EXPECT_EQ(plan({put("a", 1, {.count = 1}), erase_all("a"), put("a", 1, {.count = 2})}),
            "| | a/1=1 ; a* | | a/1=2 ; ");
  EXPECT_EQ(plan({erase("a", 1), erase_all("b"), erase_all("a")}), "b* a* | a/1 | ; ");
}

TEST(RowBatch, KeepsTablesApart) {
  static const flow::TableSpec other = [] {
    flow::TableSpec spec = sample_table();
    spec.name = "other";
    return spec;
  }();
  flow::RowChange second = put("a", 1, {.count = 2});
  second.table = &other;
  EXPECT_EQ(plan({put("a", 1, {.count = 1}), second, erase("a", 1)}), "| a/1 | ; | | a/1=2 ; ");
}

TEST(RowBatch, SumsStopAtTheEndsOfTheirRange) {
  flow::Rows rows{put("a", 1, {.count = INT64_MAX}), put("a", 1, {.count = 1})};
  EXPECT_EQ(plan(rows), "| | a/1=9223372036854775807 ; ");
}

TEST(RowBatch, AWrongShapeIsABug) {
  flow::RowChange change = put("a", 1, {});
  change.values.pop_back();
  EXPECT_DEATH(RowBatch().add(change), "BUG");
  change = put("a", 1, {});
  change.key[1] = 1.5;
  EXPECT_DEATH(RowBatch().add(change), "BUG");
}

}  // namespace
}  // namespace waybill::store
