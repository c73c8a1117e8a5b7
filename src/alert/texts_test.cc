#include "alert/texts.h"

#include <gtest/gtest.h>

#include "alert/payload.h"

namespace waybill::alert {
namespace {

Notice notice() {
  return {.id = "00", .rule = "r", .summary = "summary of a", .evidence = "{}", .link = "#/x"};
}

TEST(Texts, TextsForPeopleHaveTheirLanguageAndTheirLimit) {
  std::vector<Notice> all(40, notice());
  EXPECT_EQ(title_text(all, Locale::kEn), "[FIRING:40] r");
  EXPECT_EQ(title_text(std::span(all).first(1), Locale::kZh), "[告警] r：summary of a");
  std::string text = body_text(all, "http://w/", Locale::kEn, 1'000);
  EXPECT_LE(text.size(), 1'000u);
  EXPECT_NE(text.find("and "), std::string::npos);
  all[0].summary = std::string(5'000, 'x') + "\xe4\xb8\xad";
  EXPECT_LE(body_text(std::span(all).first(1), "", Locale::kZh, 1'000).size(), 1'000u);
  EXPECT_EQ(escaped("<!channel> & <at>"), "&lt;!channel&gt; &amp; &lt;at&gt;");
}

TEST(Texts, MailHeadersAreAsciiWords) {
  EXPECT_EQ(mail_header_text("plain: [x]"), "plain: [x]");
  const std::string long_text = "主题：" + std::string(60, 'x') + "\r\nBcc: x@y";
  const std::string header = mail_header_text(long_text);
  EXPECT_EQ(header.find("Bcc"), std::string::npos);
  for (size_t at = 0; at < header.size();) {
    size_t end = std::min(header.find("\r\n", at), header.size());
    EXPECT_LE(end - at, 76u);
    EXPECT_EQ(header.compare(at + (at ? 1 : 0), 10, "=?UTF-8?B?"), 0);
    at = end + 2;
  }
}

TEST(Texts, UseTheGlossary) {
  const Place place{"main", "orders", "billing"};
  EXPECT_EQ(Texts(Locale::kEn).lost(place, 3), "3 messages lost: orders, group billing, cluster main");
  EXPECT_EQ(Texts(Locale::kZh).lost(place, 3), "3 条消息丢失：主题 orders、消费组 billing、集群 main");
  EXPECT_NE(Texts(Locale::kZh).redelivered(place, 3, 100, Millis(600'000)).find("重复投递"),
            std::string::npos);
  EXPECT_NE(Texts(Locale::kZh).unconsumed("l", "c", 3).find("未消费"), std::string::npos);
  EXPECT_EQ(Texts(Locale::kEn).span(Millis(90'000)), "90s");
  EXPECT_EQ(Texts(Locale::kEn).span(Millis(1'500)), "1.5s");
}

}  // namespace
}  // namespace waybill::alert
