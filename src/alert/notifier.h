#pragma once
// Carries notices to one receiver.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "alert/alert.h"
#include "alert/transfer.h"
#include "base/time.h"

namespace waybill::alert {

struct NotifierSettings {
  std::string name;
  enum class Kind : uint8_t {
    kWebhook,
    kAlertmanager,
    kDingTalk,
    kFeishu,
    kWeCom,
    kSlack,
    kEmail,
    kCommand
  } kind = Kind::kWebhook;
  std::string url;     ///< of kAlertmanager: without /api/v2/alerts. A secret
  std::string secret;  ///< signs: HMAC-SHA256 (kWebhook, kDingTalk, kFeishu); empty = unsigned
  std::string token;   ///< "Authorization: Bearer ..." (kWebhook, kAlertmanager); empty = none
  TransferOptions transfer;
  std::string from;                  ///< kEmail
  std::vector<std::string> to;       ///< kEmail
  std::vector<std::string> command;  ///< kCommand: an absolute path and its arguments
  int64_t per_minute = 0;            ///< requests; 0 = default_rate(kind)
};

std::string_view kind_name(NotifierSettings::Kind kind);  ///< "webhook", ..., as in the configuration
/// What the receiver's own limits allow: 20 for DingTalk and WeCom, 60 for Slack and e-mail, 100 for Feishu,
/// 600 for the others.
int64_t default_rate(NotifierSettings::Kind kind);

struct NotifierContext {
  std::string external_url;  ///< ends with '/'
  Locale locale = Locale::kEn;
};

/// How one attempt ended.
struct Sent {
  enum class Outcome : uint8_t {
    kDone,
    kRetry,    ///< the receiver may take it later
    kRefused,  ///< the receiver does not want these bytes
  } outcome = Outcome::kDone;
  std::string error;  ///< without secrets
};

/// Used from one thread.
class Notifier {
 public:
  virtual ~Notifier() = default;
  /// REQUIRES: at least one notice, all of one rule, no id twice. Blocks up to kTransferMax.
  virtual Sent send(std::span<const Notice> notices, Now now) = 0;
  /// Not empty: firing alerts are to be told again this often, or the receiver takes them for resolved.
  virtual Millis refresh_every() const { return Millis(0); }
};

/// One that sends by a Transfer.
class TransferNotifier : public Notifier {
 public:
  TransferNotifier(NotifierSettings settings, NotifierContext context)
      : settings_(std::move(settings)), context_(std::move(context)), transfer_(settings_.transfer) {}

 protected:
  NotifierSettings settings_;
  NotifierContext context_;
  Transfer transfer_;
};

std::unique_ptr<Notifier> make_notifier(NotifierSettings settings, NotifierContext context);

// One per file:
std::unique_ptr<Notifier> make_webhook(NotifierSettings settings, NotifierContext context);
std::unique_ptr<Notifier> make_alertmanager(NotifierSettings settings, NotifierContext context);
std::unique_ptr<Notifier> make_chat(NotifierSettings settings, NotifierContext context);
std::unique_ptr<Notifier> make_email(NotifierSettings settings, NotifierContext context);
std::unique_ptr<Notifier> make_command(NotifierSettings settings, NotifierContext context);

/// HMAC-SHA256, 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view text);
std::string hex_text(std::string_view bytes);
/// 2xx is done; 408, 425, 429, 3xx and 5xx may be tried again; other 4xx are refused.
Sent sent_of(const Result<Reply>& reply);

}  // namespace waybill::alert
