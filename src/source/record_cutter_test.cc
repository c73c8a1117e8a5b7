#include "source/record_cutter.h"

#include <gtest/gtest.h>

#include <random>

namespace waybill::source {
namespace {

using Behind = RecordCutter::Behind;

struct Piece {
  uint64_t offset;
  uint64_t next;
  std::string text;
  bool operator==(const Piece&) const = default;
};

RecordCutter cutter(size_t max, std::string start = {}) {
  auto made = RecordCutter::make({.record_bytes_max = max, .start = std::move(start)});
  EXPECT_TRUE(made) << made.error().message;
  return *std::move(made);
}

void append(const std::vector<flow::FileRecord>& records, std::vector<Piece>& to) {
  for (const flow::FileRecord& record : records)
    to.push_back({record.offset, record.next, std::string(record.text)});
}

TEST(RecordCutter, RecordsDoNotDependOnWhereTheBytesAreCut) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    std::mt19937_64 random(seed);
    const size_t max = 5 + random() % 60;
    const RecordCutter cut = cutter(max, seed % 2 == 0 ? "" : "^[a-c]");
    std::string bytes;
    while (bytes.size() < 300) {
      bytes.append(random() % (max + 1), static_cast<char>('a' + random() % 8));
      bytes += random() % 8 == 0 ? "\r\n" : "\n";
      if (bytes.size() > max && bytes.substr(bytes.size() - 2) == "\r\n") bytes.erase(bytes.size() - 2, 1);
    }
    if (random() % 2 == 0) bytes += "tail";
    std::vector<flow::FileRecord> records;
    std::vector<Piece> whole, pieces;
    const RecordCutter::Cut all = cut.cut(bytes, 1000, Behind::kEnd, records);
    append(records, whole);
    ASSERT_EQ(all.used, bytes.size());
    ASSERT_TRUE(all.skipped.empty() && !all.endless);
    size_t from = 0, to = 0;
    while (from < bytes.size()) {
      to = std::min(bytes.size(), to + 1 + random() % 40);
      const Behind behind = to == bytes.size()  ? Behind::kEnd
                            : random() % 2 == 0 ? Behind::kMore
                                                : Behind::kNothingYet;
      records.clear();
      const std::string part = bytes.substr(from, to - from);
      from += cut.cut(part, 1000 + from, behind, records).used;
      append(records, pieces);
    }
    ASSERT_EQ(pieces.size(), whole.size()) << "seed " << seed;
    ASSERT_TRUE(pieces == whole) << "seed " << seed;
  }
}

TEST(RecordCutter, LinesOverTheLimitAreNamedAndUnfinishedOnesAreEndless) {
  const RecordCutter cut = cutter(3);
  std::vector<flow::FileRecord> records;
  RecordCutter::Cut done = cut.cut("abc\nabcd\nx\nlonger", 10, Behind::kMore, records);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].offset, 19u);
  ASSERT_EQ(done.skipped.size(), 1u);
  EXPECT_EQ(done.skipped[0].offset, 14u);
  EXPECT_EQ(done.skipped[0].size, 4u);
  EXPECT_TRUE(done.endless);
  EXPECT_EQ(done.used, 11u);
}

TEST(RecordCutter, SeveralLinesWaitForTheNextStartUnlessItIsQuiet) {
  const RecordCutter cut = cutter(100, "^\\d");
  const std::string_view bytes = "1 a\n b\n2 c\n d\n e";
  for (const auto& [behind, used, count] :
       {std::tuple{Behind::kNothingYet, 7u, 1u}, {Behind::kQuiet, 14u, 2u}, {Behind::kEnd, 16u, 2u}}) {
    std::vector<flow::FileRecord> records;
    EXPECT_EQ(cut.cut(bytes, 0, behind, records).used, used);
    ASSERT_EQ(records.size(), count);
    EXPECT_EQ(records[0].text, "1 a\n b");
  }
}

TEST(RecordCutter, APatternThatRe2RefusesIsAnErrorWithItsReason) {
  auto made = RecordCutter::make({.start = "(a"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::kInvalid);
  EXPECT_NE(made.error().message.find("missing )"), std::string::npos);
}

}  // namespace
}  // namespace waybill::source
