#include "flow/line_joiner.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace waybill::flow {
namespace {

/// What a Task sees: the blocks one after another, the record of each line, and the values that are no line.
struct Seen {
  std::vector<std::string> blocks{};
  std::vector<int64_t> offsets{};
  std::vector<std::string> alone{};
};

void scan(LineJoiner& joiner, Seen& seen) {
  if (joiner.empty()) return;
  const std::string block(joiner.block());
  size_t start = 0;
  for (size_t line = 0; line < joiner.lines(); ++line) {
    const size_t end = block.find('\n', start);
    ASSERT_NE(end, std::string::npos);
    for (size_t at = start; at <= end; ++at) ASSERT_EQ(&joiner.record_at(at), &joiner.record(line));
    seen.offsets.push_back(joiner.record(line).offset.value);
    start = end + 1;
  }
  EXPECT_EQ(start, block.size());
  seen.blocks.push_back(block);
}

Seen run(const Batch& batch, size_t bytes_max, int64_t leave_out) {
  LineJoiner joiner(bytes_max);
  Seen seen;
  joiner.begin(batch);
  for (const Record& record : batch.records) {
    if (record.offset.value % leave_out == leave_out - 1) continue;
    if (!joiner.is_line(record)) {
      scan(joiner, seen);
      joiner.next();
      seen.alone.emplace_back(record.value);
    } else if (!joiner.add(record)) {
      scan(joiner, seen);
      joiner.next();
      EXPECT_TRUE(joiner.add(record));
    }
  }
  scan(joiner, seen);
  return seen;
}

std::string all_of(const Seen& seen) {
  std::string out;
  for (const std::string& block : seen.blocks) out += block;
  return out;
}

TEST(LineJoiner, AViewAndACopyShowTheSameLines) {
  std::mt19937 random(17);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    std::vector<std::pair<size_t, size_t>> places;
    for (size_t i = 0; i < random() % 40; ++i) {
      const size_t size = random() % 30;
      places.emplace_back(text.size(), size);
      text.append(size, static_cast<char>('a' + i % 26));
      if (size && random() % 4 == 0) text.back() = '\n';  // its own newline
      if (!size || text.back() != '\n') text += '\n';
    }
    const size_t size = text.size();
    text.resize(size + kLinePadding);
    std::vector<Record> records(places.size());
    for (size_t i = 0; i < places.size(); ++i) {
      records[i].offset = Offset(static_cast<int64_t>(i));
      records[i].value = {text.data() + places[i].first, places[i].second};
      records[i].has_value = true;
    }
    Batch copied{{"s", "t", PartitionId(0)}, records, Offset(static_cast<int64_t>(records.size()))};
    Batch viewed = copied;
    viewed.lines = {text.data(), size};
    const size_t bytes_max = 1 + random() % 100;
    const int64_t leave_out = 2 + random() % 9;
    const Seen view = run(viewed, bytes_max, leave_out), copy = run(copied, bytes_max, leave_out);
    EXPECT_EQ(all_of(view), all_of(copy));
    EXPECT_EQ(view.offsets, copy.offsets);
    for (const std::string& block : view.blocks)
      EXPECT_TRUE(block.size() <= bytes_max || block.find('\n') + 1 == block.size());
  }
}

TEST(LineJoiner, AValueOfSeveralLinesIsAlone) {
  std::deque<std::string> values{"a", "b\nc", "d\n", "\ne", ""};
  std::vector<Record> records;
  for (const std::string& value : values) {
    records.emplace_back().value = value;
    records.back().offset = Offset(static_cast<int64_t>(records.size()));
  }
  const Seen seen = run({{"s", "t", PartitionId(0)}, records, Offset(5)}, 100, 99);
  EXPECT_EQ(seen.blocks, (std::vector<std::string>{"a\n", "d\n", "\n"}));
  EXPECT_EQ(seen.alone, (std::vector<std::string>{"b\nc", "\ne"}));
}

}  // namespace
}  // namespace waybill::flow
