#include "alert/notifier.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace waybill::alert {

using Kind = NotifierSettings::Kind;

std::string_view kind_name(Kind kind) {
  constexpr std::string_view kNames[] = {"webhook", "alertmanager", "dingtalk", "feishu",
                                         "wecom",   "slack",        "email",    "command"};
  return kNames[static_cast<size_t>(kind)];
}

int64_t default_rate(Kind kind) {
  switch (kind) {
    case Kind::kDingTalk:
    case Kind::kWeCom:
      return 20;
    case Kind::kSlack:
    case Kind::kEmail:
      return 60;
    case Kind::kFeishu:
      return 100;
    case Kind::kWebhook:
    case Kind::kAlertmanager:
    case Kind::kCommand:
      return 600;
  }
  return 600;
}

std::unique_ptr<Notifier> make_notifier(NotifierSettings settings, NotifierContext context) {
  switch (settings.kind) {
    case Kind::kWebhook:
      return make_webhook(std::move(settings), std::move(context));
    case Kind::kAlertmanager:
      return make_alertmanager(std::move(settings), std::move(context));
    case Kind::kEmail:
      return make_email(std::move(settings), std::move(context));
    case Kind::kCommand:
      return make_command(std::move(settings), std::move(context));
    case Kind::kDingTalk:
    case Kind::kFeishu:
    case Kind::kWeCom:
    case Kind::kSlack:
      break;
  }
  return make_chat(std::move(settings), std::move(context));
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, &size);
  return {reinterpret_cast<char*>(out), size};
}

std::string hex_text(std::string_view bytes) {
  std::string out;
  for (char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

Sent sent_of(const Result<Reply>& reply) {
  using Outcome = Sent::Outcome;
  if (!reply) return {Outcome::kRetry, reply.error().message};
  const long status = reply->status;
  if (status >= 200 && status < 300) return {};
  if (status >= 300 && status < 400)
    return {Outcome::kRetry, fmt::format("answered {}; redirects are not followed", status)};
  const bool later = status == 408 || status == 425 || status == 429 || status >= 500 || status < 400;
  return {later ? Outcome::kRetry : Outcome::kRefused, fmt::format("answered {}", status)};
}

}  // namespace waybill::alert
