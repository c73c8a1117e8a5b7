// Webhook and Alertmanager: JSON over HTTP.
#include <fmt/format.h>

#include "alert/notifier.h"
#include "alert/payload.h"

namespace waybill::alert {
namespace {

std::vector<std::string> bearer(const std::string& token) {
  if (token.empty()) return {};
  return {"Authorization: Bearer " + token};
}

class Webhook final : public TransferNotifier {
 public:
  using TransferNotifier::TransferNotifier;

  Sent send(std::span<const Notice> notices, Now now) override {
    const std::string body = webhook_body(settings_.name, context_.external_url, notices);
    std::vector<std::string> headers = bearer(settings_.token);
    if (!settings_.secret.empty()) {
      const std::string time = std::to_string(now.wall_ms / 1000);
      headers.push_back("X-Waybill-Timestamp: " + time);
      headers.push_back("X-Waybill-Signature: sha256=" +
                        hex_text(hmac_sha256(settings_.secret, time + "." + body)));
    }
    return sent_of(transfer_.post(settings_.url, body, headers));
  }
};

class Alertmanager final : public TransferNotifier {
 public:
  Alertmanager(NotifierSettings settings, NotifierContext context)
      : TransferNotifier(std::move(settings), std::move(context)) {
    while (settings_.url.ends_with('/')) settings_.url.pop_back();
    settings_.url += "/api/v2/alerts";
  }

  Sent send(std::span<const Notice> notices, Now now) override {
    const std::string body = alertmanager_body(context_.external_url, notices, now, 4 * refresh_every());
    return sent_of(transfer_.post(settings_.url, body, bearer(settings_.token)));
  }
  Millis refresh_every() const override { return Millis(60'000); }
};

}  // namespace

std::unique_ptr<Notifier> make_webhook(NotifierSettings settings, NotifierContext context) {
  return std::make_unique<Webhook>(std::move(settings), std::move(context));
}

std::unique_ptr<Notifier> make_alertmanager(NotifierSettings settings, NotifierContext context) {
  return std::make_unique<Alertmanager>(std::move(settings), std::move(context));
}

}  // namespace waybill::alert
