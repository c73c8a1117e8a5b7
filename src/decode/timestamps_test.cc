#include "decode/timestamps.h"

#include <gtest/gtest.h>

#include "decode/time_zone.h"

namespace waybill::decode {
namespace {

ParsedTime parse(std::string_view format, std::string_view zone, std::string_view text) {
  auto parser = TimeParser::make(format, zone);
  EXPECT_TRUE(parser.has_value()) << (parser ? "" : parser.error().message);
  return parser->parse(text);
}

struct Good {
  std::string_view format, zone, text;
  int64_t ms;
};
class GoodTimes : public testing::TestWithParam<Good> {};

TEST_P(GoodTimes, are_read) {
  const Good& c = GetParam();
  const ParsedTime time = parse(c.format, c.zone, c.text);
  EXPECT_EQ(time.fault, TimeFault::kNone) << c.text << ": " << time_fault_text(time.fault);
  EXPECT_EQ(time.ms, c.ms) << c.text;
}

INSTANTIATE_TEST_SUITE_P(
    formats, GoodTimes,
    testing::Values(Good{"yyyyMMddHHmmssSSS", "Asia/Shanghai", "20181124000136544", 1542988896544},
                    Good{"yyyyMMddHHmmssSSS", "UTC", "19700101000000000", 0},
                    Good{"yyyyMMddHHmmssSSS", "UTC", "20240229235959999", 1709251199999},
                    Good{"rfc3339", "UTC", "2018-11-24T00:01:36.544+08:00", 1542988896544},
                    Good{"rfc3339", "Asia/Tokyo", "2018-11-23T16:01:36Z", 1542988896000},
                    Good{"rfc3339", "UTC", "1969-12-31t23:59:59.5z", -500},
                    Good{"rfc3339", "UTC", "2016-12-31T23:59:60Z", 1483228799000},
                    Good{"iso", "Asia/Shanghai", "2018-11-24 00:01:36,544", 1542988896544},
                    Good{"iso", "Asia/Shanghai", "2018-11-24T00:01:36.544987654", 1542988896544},
                    Good{"iso", "Asia/Shanghai", "2018-11-24T00:01:36+0900", 1542985296000},
                    Good{"yyyy-MM-dd HH:mm:ss", "Asia/Shanghai", "2018-11-24 00:01:36", 1542988896000},
                    Good{"dd/MM/yyyy'T'HH:mm", "+05:30", "24/11/2018T05:30", 1543017600000},
                    Good{"yyyyMMddHHmmssSSSSSS", "UTC", "20181123160136544321", 1542988896544},
                    Good{"epoch_ms", "UTC", "1542988896544", 1542988896544},
                    Good{"epoch_s", "UTC", "-1", -1000},
                    // 2018-11-04 01:30 was twice in New York: the first.
                    Good{"iso", "America/New_York", "2018-11-04 01:30:00", 1541309400000},
                    Good{"iso", "America/New_York", "2018-11-04 02:30:00", 1541316600000}));

struct Bad {
  std::string_view format, zone, text;
  TimeFault fault;
};
class BadTimes : public testing::TestWithParam<Bad> {};

TEST_P(BadTimes, are_refused_with_the_reason) {
  const Bad& c = GetParam();
  EXPECT_EQ(parse(c.format, c.zone, c.text).fault, c.fault) << c.text;
}

INSTANTIATE_TEST_SUITE_P(
    formats, BadTimes,
    testing::Values(Bad{"yyyyMMddHHmmssSSS", "UTC", "20180230000000000", TimeFault::kNoSuchDate},
                    Bad{"yyyyMMddHHmmssSSS", "UTC", "20190229000000000", TimeFault::kNoSuchDate},
                    Bad{"yyyyMMddHHmmssSSS", "UTC", "20181324000000000", TimeFault::kNoSuchDate},
                    Bad{"yyyyMMddHHmmssSSS", "UTC", "20181124240000000", TimeFault::kNoSuchTime},
                    Bad{"yyyyMMddHHmmssSSS", "UTC", "20181124006000000", TimeFault::kNoSuchTime},
                    Bad{"yyyyMMddHHmmssSSS", "UTC", "2018112400013654", TimeFault::kShape},
                    Bad{"yyyyMMddHHmmssSSS", "UTC", "201811240001365444", TimeFault::kShape},
                    Bad{"yyyyMMddHHmmssSSS", "UTC", "2018112400013654x", TimeFault::kShape},
                    Bad{"yyyyMMddHHmmssSSS", "UTC", "2018/12400013654 ", TimeFault::kShape},
                    Bad{"yyyyMMddHHmmssSSS", "UTC", "00000101000000000", TimeFault::kRange},
                    Bad{"yyyyMMddHHmmssSSS", "UTC", "", TimeFault::kEmpty},
                    Bad{"rfc3339", "UTC", "2018-11-24T00:01:36", TimeFault::kShape},
                    Bad{"rfc3339", "UTC", "2018-11-24T00:01:36.+08:00", TimeFault::kShape},
                    Bad{"rfc3339", "UTC", "2018-11-24T00:01:36.1234567890Z", TimeFault::kShape},
                    Bad{"rfc3339", "UTC", "2018-11-24T00:01:36+24:00", TimeFault::kNoSuchTime},
                    Bad{"rfc3339", "UTC", "2018-11-24T00:01:36Z ", TimeFault::kShape},
                    Bad{"iso", "UTC", "2018-11-24", TimeFault::kShape},
                    Bad{"epoch_ms", "UTC", "12.5", TimeFault::kShape},
                    Bad{"epoch_ms", "UTC", "-", TimeFault::kShape},
                    Bad{"epoch_s", "UTC", "999999999999999999", TimeFault::kRange},
                    // 02:30 of that night never was in Berlin.
                    Bad{"iso", "Europe/Berlin", "2019-03-31 02:30:00", TimeFault::kSkipped}));

TEST(TimeParser, refuses_patterns_that_name_no_time) {
  for (std::string_view format : {"", "HH:mm", "yyyy yyyy", "yyyyMMddhh", "yyy", "yyyy'T", "yyyyMMddTHH"}) {
    EXPECT_FALSE(TimeParser::make(format, "UTC").has_value()) << format;
  }
  for (std::string_view zone :
       {"", "Asia/Atlantis", "../etc/passwd", "/etc/localtime", "+19:00", "localtime"}) {
    EXPECT_FALSE(TimeParser::make("iso", zone).has_value()) << zone;
  }
}

TEST(TimeParser, the_offset_it_remembers_never_outlives_its_hour) {
  auto warm = TimeParser::make("iso", "Europe/Berlin");
  ASSERT_TRUE(warm.has_value());
  // Every ten minutes around both changes, forwards and backwards, against a parser without memory.
  for (std::string_view day : {"2019-03-31", "2019-10-27"}) {
    for (int step = -60; step <= 60; ++step) {
      const int minute = (step < 0 ? -step : step) * 10;
      char text[32];
      std::snprintf(text, sizeof text, "%s %02d:%02d:00", std::string(day).c_str(), minute / 60, minute % 60);
      const ParsedTime fresh = parse("iso", "Europe/Berlin", text);
      const ParsedTime again = warm->parse(text);
      EXPECT_EQ(fresh.fault, again.fault) << text;
      EXPECT_EQ(fresh.ms, again.ms) << text;
    }
  }
}

TEST(Zone, days_have_23_to_25_hours) {
  auto berlin = Zone::load("Europe/Berlin");
  ASSERT_TRUE(berlin.has_value());
  const auto hours = [&](int64_t utc_s) {
    const Zone::Day day = berlin->day_of(utc_s);
    EXPECT_LE(day.start_s, utc_s);
    EXPECT_GT(day.end_s, utc_s);
    return (day.end_s - day.start_s) / 3600;
  };
  EXPECT_EQ(hours(1554000000), 23);  // 2019-03-31
  EXPECT_EQ(hours(1572170000), 25);  // 2019-10-27
  EXPECT_EQ(hours(1572000000), 24);
  // Midnight itself is left out in Sao Paulo on 2018-11-04: the day begins at 01:00.
  auto paulo = Zone::load("America/Sao_Paulo");
  ASSERT_TRUE(paulo.has_value());
  const Zone::Day day = paulo->day_of(1541311200);
  EXPECT_EQ(paulo->rfc3339(day.start_s * 1000), "2018-11-04T01:00:00-02:00");
  EXPECT_EQ(day.end_s - day.start_s, 23 * 3600);
}

TEST(Zone, writes_rfc3339_in_the_zone) {
  auto shanghai = Zone::load("Asia/Shanghai");
  ASSERT_TRUE(shanghai.has_value());
  EXPECT_EQ(shanghai->rfc3339(1542988860000), "2018-11-24T00:01:00+08:00");
  EXPECT_EQ(shanghai->rfc3339(1542988896544), "2018-11-24T00:01:36.544+08:00");
  EXPECT_EQ(Zone().rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(Zone().rfc3339(-1), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace waybill::decode
