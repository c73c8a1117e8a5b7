#include "audit/query_params.h"

#include <gtest/gtest.h>

namespace waybill::audit {
namespace {

constexpr Now kNow{.wall_ms = 1'700'000'000'000, .steady_ms = 0};

TEST(ParseTime, ReadsWhatPeopleAndProgramsWrite) {
  for (const auto& [text, ms] : std::vector<std::pair<std::string, int64_t>>{
           {"0", 0},
           {"1700000000000", 1'700'000'000'000},
           {"-90s", kNow.wall_ms - 90'000},
           {"-15m", kNow.wall_ms - 900'000},
           {"-2h", kNow.wall_ms - 7'200'000},
           {"-0h", kNow.wall_ms},
           {"-7d", kNow.wall_ms - 604'800'000},
           {"1970-01-01T00:00:00Z", 0},
           {"2023-11-14T22:13:20Z", 1'700'000'000'000},
           {"2023-11-14t22:13:20.25z", 1'700'000'000'250},
           {"2023-11-14 22:13:20.123456Z", 1'700'000'000'123},
           {"2023-11-15T00:13:20+02:00", 1'700'000'000'000},
           {"2023-11-15T00:13:20 02:00", 1'700'000'000'000},
           {"2023-11-14T17:43:20-04:30", 1'700'000'000'000},
           {"2024-02-29T00:00:00Z", 1'709'164'800'000},
           {"1969-12-31T23:59:59Z", -1000},
       }) {
    auto time = parse_time(text, kNow);
    ASSERT_TRUE(time) << text << ": " << time.error().message;
    EXPECT_EQ(*time, ms) << text;
  }
}

TEST(ParseTime, RefusesTheRestAndSaysWhatIsAllowed) {
  for (const std::string text : {"",
                                 "yesterday",
                                 "-",
                                 "-h",
                                 "-2",
                                 "-2w",
                                 "--2h",
                                 "2h",
                                 "+2h",
                                 "-2.5h",
                                 "1.5",
                                 " 5",
                                 "5 ",
                                 "99999999999999999999",
                                 "999999999999999",
                                 "-99999999999999999d",
                                 "2023-11-14",
                                 "2023-11-14T22:13",
                                 "2023-11-14T22:13:20",
                                 "2023-02-29T00:00:00Z",
                                 "2023-13-01T00:00:00Z",
                                 "2023-11-14T24:00:00Z",
                                 "2023-11-14T22:60:00Z",
                                 "2023-11-14T22:13:20.Z",
                                 "2023-11-14T22:13:20Zx",
                                 "2023-11-14T22:13:20+2",
                                 "2023-11-14T22:13:20+24:00",
                                 "2023/11/14T22:13:20Z",
                                 "\xff"}) {
    auto time = parse_time(text, kNow);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().code, Errc::kInvalid);
    EXPECT_NE(time.error().message.find("-2h"), std::string::npos);
  }
}

}  // namespace
}  // namespace waybill::audit
