#pragma once
// What is written to each kind of receiver. Pure.

#include <span>
#include <string>
#include <string_view>

#include "alert/alert.h"
#include "base/time.h"

namespace waybill::alert {

/// Alertmanager's webhook body, version 4. `receiver` is the notifier's name. REQUIRES: all of one rule.
std::string webhook_body(std::string_view receiver, std::string_view external_url,
                         std::span<const Notice> notices);

/// The body of POST /api/v2/alerts. Firing alerts end `ttl` after `now` unless told again.
std::string alertmanager_body(std::string_view external_url, std::span<const Notice> notices, Now now,
                              Millis ttl);

/// "[FIRING:2] lost", in the language of the locale.
std::string title_text(std::span<const Notice> notices, Locale locale);
/// The alerts one below the other, with description, evidence and link; at most `bytes_max`, cut between
/// alerts, with the number of those left out.
std::string body_text(std::span<const Notice> notices, std::string_view external_url, Locale locale,
                      size_t bytes_max);

/// '&', '<' and '>' as entities, so that no text mentions anybody or makes a link.
std::string escaped(std::string_view text);
std::string dingtalk_body(std::string_view title, std::string_view text);
std::string wecom_body(std::string_view title, std::string_view text);
std::string slack_body(std::string_view title, std::string_view text);
/// With `sign` empty there is no signature.
std::string feishu_body(std::string_view title, std::string_view text, int64_t seconds,
                        std::string_view sign);

/// RFC 2047 words of at most 75 bytes, or the text itself when it is plain ASCII.
std::string mail_header_text(std::string_view text);

}  // namespace waybill::alert
