// E-mail over SMTP.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "alert/notifier.h"
#include "alert/payload.h"

namespace waybill::alert {
namespace {

constexpr size_t kTextBytesMax = 100'000;

class Email final : public TransferNotifier {
 public:
  using TransferNotifier::TransferNotifier;

  Sent send(std::span<const Notice> notices, Now now) override {
    Mail mail{.from = settings_.from, .to = settings_.to, .headers = {}, .text = {}};
    const Notice& first = notices.front();
    std::string to;
    for (const auto& one : settings_.to) to += (to.empty() ? "" : ",\r\n ") + one;
    mail.headers = {
        "Subject: " + mail_header_text(title_text(notices, context_.locale)),
        "From: " + settings_.from,
        "To: " + to,
        fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} +0000",
                    fmt::gmtime(static_cast<std::time_t>(now.wall_ms / 1000))),
        // The same for a repeat, so that a mail program may show it once.
        fmt::format("Message-ID: <{}.{}.{}@waybill>", first.id,
                    first.resolved ? first.ends_ms : first.starts_ms, notices.size()),
        "Auto-Submitted: auto-generated",
    };
    mail.text = body_text(notices, context_.external_url, context_.locale, kTextBytesMax);
    auto reply = transfer_.mail(settings_.url, mail);
    if (!reply) return {Sent::Outcome::kRetry, reply.error().message};
    if (reply->status < 400) return {};
    return {reply->status >= 500 ? Sent::Outcome::kRefused : Sent::Outcome::kRetry,
            fmt::format("the mail server answered {}", reply->status)};
  }
};

}  // namespace

std::unique_ptr<Notifier> make_email(NotifierSettings settings, NotifierContext context) {
  return std::make_unique<Email>(std::move(settings), std::move(context));
}

}  // namespace waybill::alert
