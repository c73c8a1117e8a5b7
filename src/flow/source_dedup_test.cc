#include "flow/source_dedup.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace waybill::flow {
namespace {

using Verdict = SourceDedup::Verdict;

/// Looks at a record with that mark.
Verdict look(SourceDedup& dedup, uint64_t file, uint64_t offset, int32_t partition = 0) {
  char text[kSourceMarkBytesMax];
  const size_t size = write_source_mark({file, offset}, text);
  const Header headers[] = {{"business", "pc"}, {kSourceHeader, {text, size}}};
  return dedup.look(PartitionId(partition), headers);
}

TEST(SourceMark, IsWrittenAndReadBackAndNothingElseIsRead) {
  char text[kSourceMarkBytesMax];
  for (const SourceMark mark :
       {SourceMark{0, 0}, SourceMark{0x0123456789abcdef, 4711}, SourceMark{~0ull, ~0ull}})
    EXPECT_EQ(parse_source_mark({text, write_source_mark(mark, text)}), mark);
  EXPECT_EQ(std::string_view(text, 17), "ffffffffffffffff:");
  for (const char* bad :
       {"", "0123456789abcdef", "0123456789abcdef:", "0123456789abcdef:x", "0123456789abcdef:1 ",
        "0123456789abcdeg:1", "123456789abcdef:12", "0123456789abcdef:99999999999999999999999"})
    EXPECT_FALSE(parse_source_mark(bad)) << bad;
}

TEST(SourceDedup, WhatIsSentAgainIsDroppedWhatGoesOnIsNew) {
  SourceDedup dedup;
  for (uint64_t offset : {0, 100, 200}) EXPECT_EQ(look(dedup, 7, offset), Verdict::kNew);
  EXPECT_EQ(look(dedup, 8, 100), Verdict::kNew) << "another file";
  EXPECT_EQ(look(dedup, 7, 50, 1), Verdict::kNew) << "another partition";
  for (uint64_t offset : {100, 200}) EXPECT_EQ(look(dedup, 7, offset), Verdict::kRepeated);
  EXPECT_EQ(look(dedup, 7, 300), Verdict::kNew);
  EXPECT_EQ(dedup.repeated(), 2u);
  const Header bad[] = {{kSourceHeader, "nonsense"}};
  EXPECT_EQ(dedup.look(PartitionId(0), bad), Verdict::kUnmarked);
  EXPECT_EQ(dedup.look(PartitionId(0), {}), Verdict::kUnmarked);
}

TEST(SourceDedup, EqualsASetOfSeenRecordsWhateverCrashesOfSendersAndReaders) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    SourceDedup dedup, stored;
    std::set<std::pair<uint64_t, uint64_t>> seen, seen_stored;
    std::vector<std::pair<uint64_t, uint64_t>> log;
    uint64_t committed[3] = {}, next[3] = {};
    for (int step = 0; step < 300; ++step) {  // the agent sends, commits and dies
      const uint64_t file = random() % 3;
      if (random() % 20 == 0) std::copy(committed, committed + 3, next);
      if (random() % 10 == 0) committed[file] = next[file];
      log.emplace_back(file, next[file]++);
    }
    size_t stored_at = 0;
    std::string segment = dedup.encode();
    for (size_t at = 0; at < log.size(); ++at) {  // the reader reads, commits and dies
      const bool fresh = seen.insert(log[at]).second;
      ASSERT_EQ(look(dedup, log[at].first, log[at].second), fresh ? Verdict::kNew : Verdict::kRepeated)
          << seed;
      if (random() % 9 == 0) {
        random() % 4 == 0 ? void(segment = dedup.encode()) : void(segment += dedup.encode_changes());
        EXPECT_FALSE(dedup.changed());
        ASSERT_TRUE(stored.restore(segment));
        seen_stored = seen;
        stored_at = at;
      } else if (random() % 40 == 0 && stored_at > 0) {
        segment = stored.encode();
        ASSERT_TRUE(dedup.restore(segment));
        seen = seen_stored;
        at = stored_at;
      }
    }
  }
}

TEST(SourceDedup, ForgetsTheLongestUnusedAtTheLimitAndSaysSo) {
  SourceDedup dedup(16);
  for (uint64_t file = 0; file < 16; ++file) look(dedup, file, 5);
  EXPECT_EQ(look(dedup, 0, 5), Verdict::kRepeated);
  EXPECT_EQ(look(dedup, 100, 5), Verdict::kNew);
  EXPECT_EQ(dedup.forgotten(), 2u);
  EXPECT_EQ(dedup.size(), 15u);
  EXPECT_EQ(look(dedup, 0, 5), Verdict::kRepeated) << "used a moment ago";
  EXPECT_EQ(look(dedup, 1, 5), Verdict::kNew) << "forgotten";
}

TEST(SourceDedup, WritesWhatChangedAndNotAllOfIt) {
  SourceDedup dedup(1'000);
  for (uint64_t file = 0; file < 1'000; ++file) look(dedup, file, 5);
  std::string segment = dedup.encode();
  EXPECT_EQ(segment.size(), dedup.encoded_bytes());
  look(dedup, 7, 9);
  look(dedup, 7, 10);
  const std::string changes = dedup.encode_changes();
  EXPECT_LT(changes.size(), 60u);
  segment += changes;
  look(dedup, 1'000, 1);  // forgets some that are still stored
  segment += dedup.encode_changes();
  SourceDedup again(1'000);
  ASSERT_TRUE(again.restore(segment));
  EXPECT_LE(again.size(), 1'000u);
  EXPECT_EQ(look(again, 7, 10), Verdict::kRepeated);
  EXPECT_EQ(look(again, 1'000, 1), Verdict::kRepeated);
  EXPECT_EQ(look(again, 999, 6), Verdict::kNew);
}

TEST(SourceDedup, BytesThatAreNotItsOwnAreRefused) {
  SourceDedup dedup;
  look(dedup, 1, 1);
  const std::string bytes = dedup.encode();
  EXPECT_FALSE(dedup.changed());
  EXPECT_FALSE(SourceDedup().restore(bytes.substr(1)));
  EXPECT_FALSE(SourceDedup().restore(""));
  EXPECT_FALSE(SourceDedup().restore(bytes + "x"));
  EXPECT_FALSE(SourceDedup().restore("\x09" + bytes.substr(1)));
}

}  // namespace
}  // namespace waybill::flow
