#include "alert/payload.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/utf8.h"

namespace waybill::alert {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json annotations(const Notice& n) {
  Json out{{"summary", n.summary}};
  if (!n.description.empty()) out["description"] = n.description;
  out["value"] = fmt::format("{}", n.value);
  if (!n.evidence.empty()) out["evidence"] = n.evidence;
  return out;
}

std::string link_of(std::string_view external_url, const Notice& n) {
  return std::string(external_url) + n.link;
}

Labels common(std::span<const Notice> notices) {
  Labels out = notices.front().labels;
  for (const Notice& n : notices) {
    for (auto it = out.begin(); it != out.end();) {
      auto found = n.labels.find(it->first);
      it = found != n.labels.end() && found->second == it->second ? std::next(it) : out.erase(it);
    }
  }
  return out;
}

size_t firing(std::span<const Notice> notices) {
  return static_cast<size_t>(
      std::count_if(notices.begin(), notices.end(), [](const Notice& n) { return !n.resolved; }));
}

}  // namespace

std::string webhook_body(std::string_view receiver, std::string_view external_url,
                         std::span<const Notice> notices) {
  Json alerts = Json::array();
  for (const Notice& n : notices) {
    alerts.push_back({{"status", n.resolved ? "resolved" : "firing"},
                      {"labels", n.labels},
                      {"annotations", annotations(n)},
                      {"startsAt", utc_text(n.starts_ms)},
                      {"endsAt", n.resolved ? utc_text(n.ends_ms) : std::string(kNever)},
                      {"generatorURL", link_of(external_url, n)},
                      {"fingerprint", n.id}});
  }
  const std::string& rule = notices.front().rule;
  Json shared = Json::object();
  if (notices.size() == 1) shared = annotations(notices.front());
  return dumped({{"version", "4"},
                 {"groupKey", fmt::format("{{}}:{{alertname={}}}", Json(rule).dump())},
                 {"truncatedAlerts", 0},
                 {"status", firing(notices) > 0 ? "firing" : "resolved"},
                 {"receiver", receiver},
                 {"groupLabels", {{"alertname", rule}}},
                 {"commonLabels", common(notices)},
                 {"commonAnnotations", std::move(shared)},
                 {"externalURL", external_url},
                 {"alerts", std::move(alerts)}});
}

std::string alertmanager_body(std::string_view external_url, std::span<const Notice> notices, Now now,
                              Millis ttl) {
  Json out = Json::array();
  for (const Notice& n : notices) {
    out.push_back({{"labels", n.labels},
                   {"annotations", annotations(n)},
                   {"startsAt", utc_text(n.starts_ms)},
                   {"endsAt", utc_text(n.resolved ? n.ends_ms : now.wall_ms + ttl.count())},
                   {"generatorURL", link_of(external_url, n)}});
  }
  return dumped(out);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

std::string dingtalk_body(std::string_view title, std::string_view text) {
  std::string lines;
  for (char c : text) (c == '\n') ? (lines += "  \n") : (lines += c);  // two blanks: a line break in Markdown
  return dumped({{"msgtype", "markdown"},
                 {"markdown", {{"title", title}, {"text", fmt::format("#### {}\n\n{}", title, lines)}}}});
}

std::string wecom_body(std::string_view title, std::string_view text) {
  return dumped(
      {{"msgtype", "markdown"}, {"markdown", {{"content", fmt::format("**{}**\n{}", title, text)}}}});
}

std::string slack_body(std::string_view title, std::string_view text) {
  return dumped({{"text", fmt::format("*{}*\n{}", title, text)}});
}

std::string feishu_body(std::string_view title, std::string_view text, int64_t seconds,
                        std::string_view sign) {
  Json out{{"msg_type", "text"}, {"content", {{"text", fmt::format("{}\n{}", title, text)}}}};
  if (!sign.empty()) {
    out["timestamp"] = std::to_string(seconds);
    out["sign"] = sign;
  }
  return dumped(out);
}

std::string mail_header_text(std::string_view text) {
  const bool plain = text.size() <= 900 &&
                     std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; }) &&
                     text.find("=?") == std::string_view::npos;
  if (plain) return std::string(text);
  constexpr size_t kBytes = 45;  // 60 in base64, 72 with the marks around them
  std::string out;
  const std::string clean = to_utf8(text);
  for (std::string_view rest = clean; !rest.empty();) {
    size_t size = std::min(kBytes, rest.size());
    while (size < rest.size() && (static_cast<unsigned char>(rest[size]) & 0xc0) == 0x80) --size;
    out += (out.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") + base64_encode(rest.substr(0, size)) + "?=";
    rest.remove_prefix(size);
  }
  return out;
}

}  // namespace waybill::alert
