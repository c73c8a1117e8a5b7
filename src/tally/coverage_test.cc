#include "tally/coverage.h"

#include <gtest/gtest.h>

#include <limits>

namespace waybill::tally {
namespace {

OffsetRange r(int64_t begin, int64_t end) { return {Offset(begin), Offset(end)}; }
using Ranges = std::vector<OffsetRange>;

Coverage set_of(const Ranges& ranges) {
  Coverage set;
  for (const OffsetRange& range : ranges) set.insert(range);
  return set;
}

TEST(Coverage, JoinsRunsThatTouchAndKeepsThoseThatDoNot) {
  struct Case {
    Ranges inserts;
    Ranges runs;
  };
  const Case cases[] = {
      {{}, {}},
      {{r(5, 5), r(7, 3)}, {}},
      {{r(0, 1), r(1, 2), r(2, 3)}, {r(0, 3)}},
      {{r(5, 6), r(3, 4), r(4, 5)}, {r(3, 6)}},
      {{r(0, 2), r(4, 6), r(8, 9)}, {r(0, 2), r(4, 6), r(8, 9)}},
      {{r(0, 2), r(4, 6), r(8, 9), r(1, 8)}, {r(0, 9)}},
      {{r(4, 6), r(0, 10)}, {r(0, 10)}},
      {{r(0, 10), r(4, 6)}, {r(0, 10)}},
      {{r(4, 6), r(4, 8)}, {r(4, 8)}},
      {{r(4, 6), r(2, 6)}, {r(2, 6)}},
  };
  for (const Case& c : cases) {
    const Coverage set = set_of(c.inserts);
    EXPECT_EQ(set.runs(), c.runs);
    int64_t size = 0;
    for (const OffsetRange& run : c.runs) size += run.size();
    EXPECT_EQ(set.size(), size);
    EXPECT_EQ(set.run_count(), c.runs.size());
  }
}

TEST(Coverage, TellsWhichPartsOfAnInsertWereNew) {
  Coverage set = set_of({r(10, 20), r(30, 40)});
  Ranges fresh;
  Ranges overlap;
  set.insert(r(15, 45), &fresh, &overlap);
  EXPECT_EQ(fresh, (Ranges{r(20, 30), r(40, 45)}));
  EXPECT_EQ(overlap, (Ranges{r(15, 20), r(30, 40)}));
  fresh.clear();
  overlap.clear();
  set.insert(r(45, 46), &fresh, &overlap);
  set.insert(r(9, 10), &fresh, &overlap);
  EXPECT_EQ(fresh, (Ranges{r(45, 46), r(9, 10)}));
  EXPECT_TRUE(overlap.empty());
  EXPECT_EQ(set.runs(), (Ranges{r(9, 46)}));
}

TEST(Coverage, EraseCutsRuns) {
  Coverage set = set_of({r(0, 10), r(20, 30)});
  set.erase(r(3, 5));
  EXPECT_EQ(set.runs(), (Ranges{r(0, 3), r(5, 10), r(20, 30)}));
  set.erase(r(8, 25));
  EXPECT_EQ(set.runs(), (Ranges{r(0, 3), r(5, 8), r(25, 30)}));
  EXPECT_EQ(set.size(), 11);
  set.erase(r(0, 100));
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(set.size(), 0);
}

TEST(Coverage, AnswersAboutPartsOfARange) {
  const Coverage set = set_of({r(10, 20), r(30, 40)});
  EXPECT_EQ(set.within(r(15, 35)), (Ranges{r(15, 20), r(30, 35)}));
  EXPECT_EQ(set.missing(r(15, 45)), (Ranges{r(20, 30), r(40, 45)}));
  EXPECT_EQ(set.missing(r(0, 5)), (Ranges{r(0, 5)}));
  EXPECT_TRUE(set.missing(r(12, 12)).empty());
  EXPECT_TRUE(set.contains(Offset(10)));
  EXPECT_FALSE(set.contains(Offset(20)));
  EXPECT_TRUE(set.contains_all(r(30, 40)));
  EXPECT_FALSE(set.contains_all(r(30, 41)));
  EXPECT_FALSE(set.contains_all(r(15, 35)));
  EXPECT_TRUE(set.contains_all(r(25, 25)));
  EXPECT_EQ(set.begin(), Offset(10));
  EXPECT_EQ(set.end(), Offset(40));
}

TEST(Coverage, HoldsTheHighestOffsets) {
  constexpr int64_t kTop = std::numeric_limits<int64_t>::max();
  Coverage set;
  set.insert(r(0, kTop));
  set.insert(r(kTop - 1, kTop));
  EXPECT_EQ(set.size(), kTop);
  set.erase(r(0, kTop - 1));
  EXPECT_EQ(set.runs(), (Ranges{r(kTop - 1, kTop)}));
}

TEST(Runs, AreGapsAndLengths) {
  std::string bytes;
  append_runs(Ranges{r(5, 8), r(10, 11), r(311, 511)}, bytes);
  EXPECT_EQ(bytes, std::string("\x05\x03\x02\x01\xac\x02\xc8\x01", 8));
  const auto back = read_runs(bytes);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, (Ranges{r(5, 8), r(10, 11), r(311, 511)}));
}

TEST(Runs, RejectBytesThatAreNone) {
  const std::string top = "\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
  struct Case {
    std::string bytes;
    Errc code;
  };
  const Case cases[] = {
      {"\x05", Errc::kTruncated},
      {"\x05\x80", Errc::kTruncated},
      {std::string("\x05\x00", 2), Errc::kCorrupt},
      {"\x05" + top, Errc::kCorrupt},
      {top + "\x01", Errc::kCorrupt},
      {std::string(11, '\xff') + "\x01", Errc::kCorrupt},
      {"\x01\x01" + top + "\x01", Errc::kCorrupt},
  };
  for (const Case& c : cases) {
    const auto back = read_runs(c.bytes);
    ASSERT_FALSE(back.has_value());
    EXPECT_EQ(back.error().code, c.code) << back.error().message;
  }
}

}  // namespace
}  // namespace waybill::tally
