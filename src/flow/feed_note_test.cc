#include "flow/feed_note.h"

#include <gtest/gtest.h>

namespace waybill::flow {
namespace {

using Kind = FeedNote::Kind;

TEST(FeedNote, WhatIsWrittenIsRead) {
  FollowedFile file{.id = 0xfedcba9876543210,
                    .path = "/var/log/a b%\n\xff.log",
                    .device = 8,
                    .inode = 99,
                    .prefix_bytes = 1024,
                    .prefix_hash = ~uint64_t{0},
                    .next = 1 << 30,
                    .finished = true,
                    .seen_ms = 1'542'931'200'000};
  auto note = read_feed_key(feed_key({Kind::kFile, file}));
  ASSERT_TRUE(note.has_value());
  EXPECT_EQ(note->kind, Kind::kFile);
  EXPECT_EQ(note->file, file);
  for (Kind kind : {Kind::kLine, Kind::kGone}) {
    note = read_feed_key(feed_key({kind, file}));
    ASSERT_TRUE(note.has_value());
    EXPECT_EQ(note->kind, kind);
    EXPECT_EQ(note->file.id, file.id);
  }
  note = read_feed_key(feed_key({Kind::kSkipped, file, 7}));
  ASSERT_TRUE(note.has_value());
  EXPECT_EQ(note->kind, Kind::kSkipped);
  EXPECT_EQ(note->file.next, file.next);
  EXPECT_EQ(note->count, 7u);
}

TEST(FeedNote, AnythingElseIsNone) {
  for (const char* key : {"", "l", "l ", "x 1", "l 1 ", "l 1 2", "l a", "l -1", "g", "s 1", "s 1 2",
                          "s 1 2 3 4", "f 1", "f 0000000000000001 0 0 0", "l 99999999999999999999"})
    EXPECT_FALSE(read_feed_key(key).has_value()) << key;
}

}  // namespace
}  // namespace waybill::flow
