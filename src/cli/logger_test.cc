#include "cli/logger.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "testing/fake_clock.h"

namespace waybill::cli {
namespace {

struct Line {
  LogLevel level;
  std::string text;
  bool operator==(const Line&) const = default;
};

class RateLimited : public ::testing::Test {
 protected:
  waybill::testing::FakeClock clock_;
  std::vector<Line> lines_;
  LogFn log_ = rate_limited(
      [this](LogLevel level, std::string_view text) {
        lines_.push_back({level, std::string(text)});
      },
      clock_);
};

TEST_F(RateLimited, TheSameMessageComesOnceInTenSecondsWithACount) {
  for (int i = 0; i < 5; ++i) {
    log_(LogLevel::kWarn, "broker away");
    clock_.advance(Millis(1000));
  }
  log_(LogLevel::kInfo, "something else");
  EXPECT_EQ(lines_,
            (std::vector<Line>{{LogLevel::kWarn, "broker away"}, {LogLevel::kInfo, "something else"}}));
  clock_.advance(Millis(5000));
  log_(LogLevel::kWarn, "broker away");
  EXPECT_EQ(lines_.back().text, "broker away (and 4 times since it was last said)");
  clock_.advance(Millis(10'000));
  log_(LogLevel::kWarn, "broker away");
  EXPECT_EQ(lines_.back().text, "broker away");
}

TEST_F(RateLimited, AStepOfTheWallClockChangesNothing) {
  log_(LogLevel::kWarn, "a");
  clock_.step_wall(Millis(3'600'000));
  log_(LogLevel::kWarn, "a");
  EXPECT_EQ(lines_.size(), 1u);
}

TEST_F(RateLimited, DebugPasses) {
  for (int i = 0; i < 3; ++i) log_(LogLevel::kDebug, "detail");
  EXPECT_EQ(lines_.size(), 3u);
}

TEST_F(RateLimited, MemoryIsBoundedAndTheOldestIsForgotten) {
  log_(LogLevel::kWarn, "first");
  for (size_t i = 0; i < kLogMessagesMax; ++i) log_(LogLevel::kWarn, std::to_string(i));
  log_(LogLevel::kWarn, "first");
  EXPECT_EQ(lines_.size(), kLogMessagesMax + 2);
  log_(LogLevel::kWarn, std::to_string(kLogMessagesMax - 1));
  EXPECT_EQ(lines_.size(), kLogMessagesMax + 2);
}

TEST(Log, OneMessageIsOneLine) {
  EXPECT_EQ(one_line("a\nb\x1b[31m\x7f"), "a\\x0ab\\x1b[31m\\x7f");
  EXPECT_EQ(one_line("\xff"), "\xef\xbf\xbd");
}

TEST(Log, LinesAreTextOrJson) {
  waybill::testing::FakeClock clock;
  ::testing::internal::CaptureStderr();
  make_log({.level = LogLevel::kInfo}, clock)(LogLevel::kWarn, "two\nlines");
  make_log({.level = LogLevel::kInfo}, clock)(LogLevel::kDebug, "not shown");
  make_log({.level = LogLevel::kInfo, .format = LogConfig::Format::kJson}, clock)(LogLevel::kError,
                                                                                  "a \"quoted\" %v thing");
  std::string text = ::testing::internal::GetCapturedStderr();
  size_t newline = text.find('\n');
  std::string first = text.substr(0, newline);
  std::string second = text.substr(newline + 1);
  ASSERT_GT(first.size(), 25u);
  EXPECT_EQ(first.substr(4, 1) + first.substr(10, 1) + first.substr(19, 1) + first.substr(23, 1), "-T.Z")
      << first;
  EXPECT_EQ(first.substr(25), "warning two\\x0alines");
  EXPECT_EQ(second.substr(0, 9), "{\"time\":\"") << second;
  EXPECT_NE(second.find("\"level\":\"error\",\"message\":\"a \\\"quoted\\\" %v thing\"}\n"),
            std::string::npos)
      << second;
}

}  // namespace
}  // namespace waybill::cli
