// Robots of chat programs: DingTalk, Feishu (Lark), WeCom, Slack.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "alert/notifier.h"
#include "alert/payload.h"
#include "base/base64.h"
#include "base/percent.h"

namespace waybill::alert {
namespace {

using Kind = NotifierSettings::Kind;

size_t text_bytes_max(Kind kind) {
  if (kind == Kind::kWeCom) return 3'400;  // 4,096 with the title
  return kind == Kind::kSlack ? 30'000 : 15'000;
}

/// The code in the answer; nullopt when there is none.
std::optional<int64_t> code_in(const std::string& body) {
  auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  for (const char* name : {"errcode", "code", "StatusCode"}) {
    auto it = json.find(name);
    if (it != json.end() && it->is_number_integer()) return it->get<int64_t>();
  }
  return std::nullopt;
}

/// -1 and these: too many messages for now, or the server is busy.
constexpr int64_t kBusyCodes[] = {-1, 130101, 410100, 45009, 45033, 9499, 11232, 99991400};

class Chat final : public TransferNotifier {
 public:
  using TransferNotifier::TransferNotifier;

  Sent send(std::span<const Notice> notices, Now now) override {
    std::vector<Notice> harmless(notices.begin(), notices.end());
    for (Notice& n : harmless)
      for (std::string* part : {&n.rule, &n.summary, &n.description, &n.evidence}) *part = escaped(*part);
    const std::string title = title_text(harmless, context_.locale);
    const std::string text =
        body_text(harmless, context_.external_url, context_.locale, text_bytes_max(settings_.kind));
    auto reply = transfer_.post(url(now), body(title, text, now), {});
    Sent sent = sent_of(reply);
    if (sent.outcome != Sent::Outcome::kDone || settings_.kind == Kind::kSlack) return sent;
    auto code = code_in(reply->body);
    if (code == 0) return sent;
    if (!code) return {Sent::Outcome::kRetry, "answered with something that is no JSON with a code"};
    const bool busy = std::find(std::begin(kBusyCodes), std::end(kBusyCodes), *code) != std::end(kBusyCodes);
    return {busy ? Sent::Outcome::kRetry : Sent::Outcome::kRefused,
            fmt::format("answered with code {}", *code)};
  }

 private:
  std::string url(Now now) const {
    if (settings_.kind != Kind::kDingTalk || settings_.secret.empty()) return settings_.url;
    const std::string time = std::to_string(now.wall_ms);
    const std::string sign = base64_encode(hmac_sha256(settings_.secret, time + "\n" + settings_.secret));
    return fmt::format("{}{}timestamp={}&sign={}", settings_.url,
                       settings_.url.find('?') == std::string::npos ? '?' : '&', time, percent_encode(sign));
  }

  std::string body(const std::string& title, const std::string& text, Now now) const {
    if (settings_.kind == Kind::kDingTalk) return dingtalk_body(title, text);
    if (settings_.kind == Kind::kWeCom) return wecom_body(title, text);
    if (settings_.kind == Kind::kSlack) return slack_body(title, text);
    const int64_t seconds = now.wall_ms / 1000;
    std::string sign;
    if (!settings_.secret.empty())
      sign = base64_encode(hmac_sha256(fmt::format("{}\n{}", seconds, settings_.secret), ""));
    return feishu_body(title, text, seconds, sign);
  }
};

}  // namespace

std::unique_ptr<Notifier> make_chat(NotifierSettings settings, NotifierContext context) {
  return std::make_unique<Chat>(std::move(settings), std::move(context));
}

}  // namespace waybill::alert
