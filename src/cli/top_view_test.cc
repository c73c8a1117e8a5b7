#include "cli/top_view.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace waybill::cli {
namespace {

using Json = nlohmann::json;

Json group(const std::string& name, int64_t lost) {
  return {{"name", name}, {"consumed", 90},   {"lost", lost},      {"suspected", 0},     {"redelivered", 2},
          {"pending", 3}, {"unconfirmed", 0}, {"lag_messages", 3}, {"lag_seconds", 1.25}};
}

Json topic(const std::string& name, std::vector<Json> groups) {
  return {{"cluster", "main"},
          {"name", name},
          {"produced", 123'456},
          {"complete", true},
          {"incomplete_reasons", Json::array()},
          {"groups", groups}};
}

std::string overview(std::vector<Json> topics, int64_t lost) {
  return Json{{"topics_total", topics.size()},
              {"matching", topics.size()},
              {"totals",
               {{"produced", 123'456},
                {"consumed", 90},
                {"lost", lost},
                {"suspected", 0},
                {"unconfirmed", 0},
                {"redelivered", 2},
                {"pending", 3},
                {"incomplete_topics", 0}}},
              {"topics", topics}}
      .dump();
}

const std::string kSources =
    R"({"sources":[{"engine":"collector","cluster":"main","state":"running","degraded":false,"detail":""}]})";

std::string text(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all;
}

TEST(TopView, SaysWhatIsLostFirst) {
  auto lines =
      top_lines(overview({topic("orders", {group("shipping", 7), group("mail", 0)})}, 7), kSources, "", {});
  ASSERT_TRUE(lines);
  EXPECT_EQ(lines->front().substr(0, 6), "7 LOST");
  EXPECT_NE(text(*lines).find("123 k"), std::string::npos);
  EXPECT_NE(text(*lines).find("LOST\n"), std::string::npos);
  EXPECT_NE(text(*lines).find("complete\n"), std::string::npos);
  EXPECT_EQ(text(*lines).find('\x1b'), std::string::npos);
}

TEST(TopView, CutsTheListToTheTerminalAndSaysSo) {
  std::vector<Json> topics;
  for (int i = 0; i < 50; ++i) topics.push_back(topic("t" + std::to_string(i), {group("g", 0)}));
  auto lines = top_lines(overview(topics, 0), kSources, "", {.columns = 80, .rows = 20});
  ASSERT_TRUE(lines);
  EXPECT_LE(lines->size(), 20U);
  EXPECT_NE(lines->back().find("50"), std::string::npos);
  auto whole = top_lines(overview(topics, 0), kSources, "", {.unlimited = true});
  EXPECT_EQ(whole->size(), 53U);
}

TEST(TopView, SaysWhenOnlySomeTopicsWereChosen) {
  Json chosen = Json::parse(overview({topic("t", {group("g", 0)})}, 0));
  chosen["topics_total"] = 1200;
  auto lines = top_lines(chosen.dump(), kSources, "", {});
  ASSERT_TRUE(lines);
  EXPECT_NE(lines->front().find("   1 of 1200 topics   "), std::string::npos);
  EXPECT_EQ(top_lines(overview({}, 0), kSources, "", {})->front().find(" of "), std::string::npos);
}

TEST(TopView, NamesCannotSpeakToTheTerminal) {
  auto lines = top_lines(overview({topic("a\x1b[2J\nb", {group("g\x07", 0)})}, 0), kSources, "", {});
  ASSERT_TRUE(lines);
  EXPECT_EQ(text(*lines).find('\x1b'), std::string::npos);
  EXPECT_EQ(text(*lines).find('\x07'), std::string::npos);
}

TEST(TopView, ShowsSourcesInTroubleAndAlertsThatFire) {
  const std::string down =
      R"({"sources":[{"engine":"collector","cluster":"main","state":"waiting","degraded":true,"detail":"no broker"}]})";
  const std::string alerts =
      R"({"alerts":[{"state":"firing","summary":"7 lost"},{"state":"resolved","summary":"old"}]})";
  auto lines = top_lines(overview({}, 0), down, alerts, {});
  ASSERT_TRUE(lines);
  EXPECT_NE(text(*lines).find("no broker"), std::string::npos);
  EXPECT_NE(text(*lines).find("firing: 7 lost"), std::string::npos);
  EXPECT_EQ(text(*lines).find("old"), std::string::npos);
  EXPECT_NE(text(*lines).find("plugin.library.paths"), std::string::npos);
}

TEST(TopView, RefusesAnAnswerThatIsNotAsDescribed) {
  for (const std::string body : {"", "[]", "{}", R"({"totals":5})", "{\"topics\":"}) {
    auto lines = top_lines(body, kSources, "", {});
    ASSERT_FALSE(lines) << body;
    EXPECT_EQ(lines.error().code, Errc::kCorrupt);
  }
}

TEST(TopView, CountsStayShort) {
  EXPECT_EQ(short_count(0), "0");
  EXPECT_EQ(short_count(99'999), "99999");
  EXPECT_EQ(short_count(123'456), "123 k");
  EXPECT_EQ(short_count(1'234'567), "1.2 M");
  EXPECT_EQ(short_count(9'876'543'210), "9.9 G");
  EXPECT_EQ(short_count(1'000'000'000'000'000), "1000000 G");
}

}  // namespace
}  // namespace waybill::cli
