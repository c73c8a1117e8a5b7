#include "alert/payload.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "alert/notifier.h"

namespace waybill::alert {
namespace {

using Json = nlohmann::json;

Notice notice(const std::string& host, bool resolved = false) {
  return {.id = "00",
          .resolved = resolved,
          .rule = "r",
          .labels = {{"alertname", "r"}, {"host", host}},
          .value = 2.5,
          .summary = "summary of " + host,
          .description = "more",
          .evidence = R"({"count":3})",
          .link = "#/x",
          .starts_ms = 1'700'000'000'123,
          .ends_ms = resolved ? 1'700'000'060'000 : 0};
}

TEST(Payload, ANoticeSurvivesTheQueue) {
  Notice n = notice("h\xff\"<\n");
  n.severity = Severity::kCritical;
  Notice back = parse_notice(notice_text(n));
  EXPECT_EQ(back.id, n.id);
  EXPECT_EQ(back.severity, n.severity);
  EXPECT_EQ(back.value, n.value);
  EXPECT_EQ(back.starts_ms, n.starts_ms);
  EXPECT_EQ(back.labels.at("host"), "h\xEF\xBF\xBD\"<\n");
  for (const char* bad : {"", "{", "[]", "{\"id\":1}", "{\"id\":\"x\"}"})
    EXPECT_EQ(parse_notice(bad).id, "") << bad;
}

TEST(Payload, TheWebhookBodyIsVersion4) {
  Notice all[] = {notice("a"), notice("b", true)};
  Json body = Json::parse(webhook_body("ops", "http://w/", all));
  EXPECT_EQ(body["status"], "firing");
  EXPECT_EQ(body["commonLabels"], Json({{"alertname", "r"}}));
  EXPECT_EQ(body["alerts"][0]["startsAt"], "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(body["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
  EXPECT_EQ(body["alerts"][1]["endsAt"], "2023-11-14T22:14:20.000Z");
  EXPECT_EQ(body["alerts"][1]["status"], "resolved");
  EXPECT_EQ(body["alerts"][0]["annotations"]["value"], "2.5");
  EXPECT_EQ(body["alerts"][0]["generatorURL"], "http://w/#/x");
  EXPECT_EQ(body["groupKey"], "{}:{alertname=\"r\"}");
}

TEST(Payload, AlertmanagerIsToldWhenAFiringAlertEndsUnlessToldAgain) {
  Notice all[] = {notice("a"), notice("b", true)};
  Json body = Json::parse(alertmanager_body("http://w/", all, {1'700'000'100'000, 0}, Millis(240'000)));
  EXPECT_EQ(body[0]["endsAt"], "2023-11-14T22:19:00.000Z");
  EXPECT_EQ(body[1]["endsAt"], "2023-11-14T22:14:20.000Z");
}

TEST(Payload, SignaturesAreHmacSha256) {
  // RFC 4231, test case 2.
  EXPECT_EQ(hex_text(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace waybill::alert
