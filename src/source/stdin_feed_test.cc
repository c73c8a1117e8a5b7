#include "source/stdin_feed.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "source/file_names.h"
#include "testing/fake_clock.h"

namespace waybill::source {
namespace {

class StdinFeedTest : public ::testing::Test {
 protected:
  StdinFeedTest() {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    in_ = FileHandle(ends[1]);
    feed = std::make_unique<StdinFeed>(FileHandle(ends[0]), "app", 100, clock,
                                       [](LogLevel, std::string_view) {});
  }
  void write(std::string_view text) {
    ASSERT_EQ(::write(in_.get(), text.data(), text.size()), ssize_t(text.size()));
  }
  void end() { in_.reset(); }

  /// What one poll gives: records joined by '|', then "#" and the lines that were skipped.
  std::string poll() {
    flow::FileBatch batch = feed->poll(Millis(5));
    if (batch.file == 0) return "nothing";
    EXPECT_EQ(batch.file, feed->files().at(0).id);
    EXPECT_EQ(batch.next, feed->files().at(0).next);
    std::string out;
    for (const auto& record : batch.records) {
      out += (out.empty() ? "" : "|") + std::string(record.text);
      EXPECT_LE(record.next, batch.next);
    }
    return batch.oversized == 0 ? out : out + "#" + std::to_string(batch.oversized);
  }

  testing::FakeClock clock;
  std::unique_ptr<StdinFeed> feed;

 private:
  FileHandle in_;
};

TEST_F(StdinFeedTest, LinesComeWhenTheyAreWhole) {
  EXPECT_EQ(poll(), "nothing");
  write("a\nb\nhal");
  EXPECT_EQ(poll(), "a|b");
  EXPECT_EQ(poll(), "nothing");
  write("f\n");
  EXPECT_EQ(poll(), "half");
  write("no newline");
  EXPECT_EQ(poll(), "nothing");
  end();
  EXPECT_EQ(poll(), "no newline");
  EXPECT_EQ(poll(), "nothing");
  EXPECT_EQ(feed->files().at(0).next, 4u + 5 + 10);
}

TEST_F(StdinFeedTest, ALineOverTheLimitIsCountedAndTheOthersStay) {
  write("a\n" + std::string(150, 'x') + "\nb\n");
  EXPECT_EQ(poll(), "a|b#1");
  write(std::string(500, 'x'));
  poll();
  write(std::string(500, 'x'));
  EXPECT_EQ(poll(), "nothing");
  write(std::string(50, 'x') + "\nc\n");
  EXPECT_EQ(poll(), "c#1");
  write(std::string(500, 'y'));
  poll();
  end();
  EXPECT_EQ(poll(), "#1");
  EXPECT_EQ(poll(), "nothing");
}

TEST(NamesFile, TakesWhatTheGlobTakes) {
  const std::string patterns[] = {"/var/log/*.log", "/srv/{a,b{1,2}}/x-?.[lt]*", "/odd/{}", "/exact[1].log"};
  for (const char* path :
       {"/var/log/app.log", "/srv/a/x-1.log", "/srv/b2/x-z.txt", "/odd/{}", "/exact[1].log", "/exact1.log"})
    EXPECT_TRUE(names_file(patterns, path)) << path;
  for (const char* path : {"/var/log/app.log.1", "/var/log/sub/app.log", "/var/log/.hidden.log",
                           "/srv/b/x-1.log", "/srv/c/x-1.log", "/exact2.log", ""})
    EXPECT_FALSE(names_file(patterns, path)) << path;
}

}  // namespace
}  // namespace waybill::source
