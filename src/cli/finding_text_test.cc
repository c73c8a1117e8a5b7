#include "cli/finding_text.h"

#include <gtest/gtest.h>

#include "cli/api_client.h"

namespace waybill::cli {
namespace {

constexpr std::string_view kPage = R"({"findings":[
  {"cluster":"main","group":"shipping","partition":3,"first_offset":10,"last_offset":1209,"count":1200,
   "state":"lost","reason":"skipped","bucket_start":1769851800000,"verified_at":1769851900000},
  {"cluster":"main","group":"bil\u001bling","partition":4,"first_offset":7,"last_offset":7,"count":1,
   "state":"suspected","reason":"","bucket_start":null,"verified_at":null}],"next":"abc."})";

TEST(FindingText, ReadsAPageAndItsCursor) {
  auto page = parse_finding_page(kPage);
  ASSERT_TRUE(page.has_value()) << page.error().message;
  ASSERT_EQ(page->findings.size(), 2u);
  EXPECT_EQ(page->next, "abc.");
  EXPECT_EQ(page->findings[0].first_offset, 10);
  EXPECT_EQ(page->findings[0].last_offset, 1209);
  EXPECT_EQ(page->findings[0].bucket_start, 1769851800000);
  EXPECT_EQ(page->findings[1].bucket_start, std::nullopt);
  EXPECT_EQ(page->findings[0].json.find('\n'), std::string::npos);
}

TEST(FindingText, RefusesWhatIsNoPage) {
  for (std::string_view body : {"", "[]", "{}", R"({"findings":[{}],"next":null})",
                                R"({"findings":[],"next":7})", R"({"findings":7,"next":null})"}) {
    auto page = parse_finding_page(body);
    ASSERT_FALSE(page.has_value()) << body;
    EXPECT_EQ(page.error().code, Errc::kCorrupt) << body;
  }
}

TEST(FindingText, LinesAreAlignedAndWithoutControlCharacters) {
  auto page = parse_finding_page(kPage);
  ASSERT_TRUE(page.has_value());
  std::string heading = finding_heading();
  std::string first = finding_line(page->findings[0]);
  std::string second = finding_line(page->findings[1]);
  EXPECT_EQ(first.find("shipping"), heading.find("GROUP"));
  EXPECT_EQ(second.find("bil?ling"), heading.find("GROUP"));
  EXPECT_NE(first.find("10-1209"), std::string::npos);
  EXPECT_NE(first.find("1,200"), std::string::npos);
  EXPECT_NE(first.find("2026-01-31T09:30:00Z"), std::string::npos);
  EXPECT_EQ(second.find("7-7"), std::string::npos);
}

TEST(FindingText, TotalsAddUpByState) {
  auto page = parse_finding_page(kPage);
  ASSERT_TRUE(page.has_value());
  FindingTotals totals;
  EXPECT_EQ(totals.text("none"), "none\n");
  for (const FindingLine& line : page->findings) totals.add(line);
  totals.add(page->findings[0]);
  EXPECT_EQ(totals.text("none"), "lost: 2,400 messages in 2 ranges\nsuspected: 1 message in 1 range\n");
  EXPECT_EQ(totals.json(), R"({"lost":{"messages":2400,"ranges":2},"suspected":{"messages":1,"ranges":1}})");
  EXPECT_EQ(totals.messages("lost"), 2400);
  EXPECT_EQ(totals.messages("late"), 0);
}

TEST(FindingText, TimesBeforeAndBehindTheEpoch) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(utc_text(1769851800005), "2026-01-31T09:30:00.005Z");
}

TEST(ApiClient, TakesTheDetailOfAProblem) {
  EXPECT_EQ(problem_text(R"({"title":"Not Found","detail":"no topic x"})"), "no topic x");
  EXPECT_EQ(problem_text(R"({"title":"Not Found","detail":""})"), "Not Found");
  EXPECT_EQ(problem_text("<html>"), "");
  EXPECT_EQ(problem_text(R"({"detail":7})"), "");
}

TEST(ApiClient, SaysWhatAUrlLooksLike) {
  auto none = [](std::string_view) { return std::nullopt; };
  auto file = [](const std::string&) -> Result<std::string> { return std::string("two\nlines\n"); };
  auto bad = ApiClient::open({.url = "localhost:8420", .token_file = {}}, none, file);
  ASSERT_FALSE(bad.has_value());
  EXPECT_NE(bad.error().message.find("http://127.0.0.1:8420"), std::string::npos);
  EXPECT_FALSE(ApiClient::open({.url = {}, .token_file = "token"}, none, file).has_value());
  auto env = [](std::string_view name) -> std::optional<std::string> {
    return name == "WAYBILL_URL" ? std::optional<std::string>("http://waybill.example:1///") : std::nullopt;
  };
  auto good = ApiClient::open({}, env, file);
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good->url(), "http://waybill.example:1");
}

}  // namespace
}  // namespace waybill::cli
