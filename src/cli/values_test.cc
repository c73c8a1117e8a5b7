#include "cli/values.h"

#include <gtest/gtest.h>

#include <map>

namespace waybill::cli {
namespace {

TEST(Values, Durations) {
  for (auto [text, ms] : std::map<std::string, int64_t>{{"0s", 0},
                                                        {"200ms", 200},
                                                        {"10s", 10'000},
                                                        {"5m", 300'000},
                                                        {"2h", 7'200'000},
                                                        {"90d", 90LL * 86'400'000}}) {
    auto value = parse_duration(text);
    ASSERT_TRUE(value.has_value()) << text;
    EXPECT_EQ(value->count(), ms) << text;
  }
  for (const char* text : {"", "10", "s", "1.5s", "-1s", "10 s", "10S", "1w", "9223372036854775807d",
                           "99999999999999999999s", "36501d"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

TEST(Values, DurationTextIsWhatParses) {
  for (const char* text : {"200ms", "10s", "90s", "5m", "2h", "48h", "90d", "0s"}) {
    auto value = parse_duration(text);
    ASSERT_TRUE(value.has_value());
    EXPECT_EQ(parse_duration(duration_text(*value))->count(), value->count());
  }
  EXPECT_EQ(duration_text(Millis(48LL * 3'600'000)), "2d");
  EXPECT_EQ(duration_text(Millis(1500)), "1500ms");
}

TEST(Values, Sizes) {
  for (auto [text, bytes] : std::map<std::string, int64_t>{{"512", 512},
                                                           {"1B", 1},
                                                           {"64KiB", 65'536},
                                                           {"16MiB", 16 << 20},
                                                           {"1GiB", 1 << 30},
                                                           {"10kB", 10'000},
                                                           {"10MB", 10'000'000}}) {
    auto value = parse_size(text);
    ASSERT_TRUE(value.has_value()) << text;
    EXPECT_EQ(*value, bytes) << text;
  }
  for (const char* text : {"", "MiB", "-1", "1.5MiB", "16 MiB", "16mib", "9223372036854775807GiB"}) {
    EXPECT_FALSE(parse_size(text).has_value()) << text;
  }
}

TEST(Values, Addresses) {
  struct Case {
    std::string text, host;
    uint16_t port;
    bool loopback;
  };
  for (const Case& c : std::vector<Case>{{"127.0.0.1:8420", "127.0.0.1", 8420, true},
                                         {"127.5.0.1:0", "127.5.0.1", 0, true},
                                         {"localhost:1", "127.0.0.1", 1, true},
                                         {"[::1]:8420", "::1", 8420, true},
                                         {"0.0.0.0:8420", "0.0.0.0", 8420, false},
                                         {"[::]:8420", "::", 8420, false},
                                         {"10.0.0.7:65535", "10.0.0.7", 65535, false},
                                         {"[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1", 80, false}}) {
    auto address = parse_address(c.text);
    ASSERT_TRUE(address.has_value()) << c.text;
    EXPECT_EQ(address->host, c.host);
    EXPECT_EQ(address->port, c.port);
    EXPECT_EQ(address->loopback, c.loopback) << c.text;
  }
  for (const char* text :
       {"", "8420", ":8420", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:x",
        "host:1", "::1:8420", "[127.0.0.1]:1", "[]:1", "127.0.0.256:1", "127.1:80"}) {
    EXPECT_FALSE(parse_address(text).has_value()) << text;
  }
}

TEST(Values, VariablesAreReplaced) {
  Lookup lookup = [](std::string_view name) -> std::optional<std::string> {
    if (name == "HOST") return "broker";
    if (name == "EMPTY") return "";
    return std::nullopt;
  };
  for (auto [text, expected] : std::map<std::string, std::string>{{"plain", "plain"},
                                                                  {"${HOST}:9092", "broker:9092"},
                                                                  {"${HOST}${HOST}", "brokerbroker"},
                                                                  {"${NONE:-x:y}", "x:y"},
                                                                  {"${NONE:-}", ""},
                                                                  {"${HOST:-x}", "broker"},
                                                                  {"${EMPTY}", ""},
                                                                  {"${EMPTY:-x}", "x"},
                                                                  {"$$", "$"},
                                                                  {"$${HOST}", "${HOST}"},
                                                                  {"$$$${HOST}", "$${HOST}"},
                                                                  {"a$b $", "a$b $"}}) {
    auto value = expand_variables(text, lookup);
    ASSERT_TRUE(value.has_value()) << text;
    EXPECT_EQ(*value, expected) << text;
  }
  for (const char* text : {"${NONE}", "${", "${HOST", "${}", "${:-x}", "${1A}", "${A B}", "${A-x}"}) {
    auto value = expand_variables(text, lookup);
    ASSERT_FALSE(value.has_value()) << text;
    EXPECT_EQ(value.error().code, Errc::kInvalid);
  }
}

}  // namespace
}  // namespace waybill::cli
