// Notices as people read them.
#include <fmt/format.h>

#include <algorithm>

#include "alert/payload.h"

namespace waybill::alert {
namespace {

constexpr size_t kEvidenceShown = 1'500;  ///< bytes of it

size_t burning(std::span<const Notice> notices) {
  return static_cast<size_t>(
      std::count_if(notices.begin(), notices.end(), [](const Notice& n) { return !n.resolved; }));
}

std::string cut(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return std::string(text.substr(0, most)) + "…";
}

std::string_view severity_text(Severity severity, Locale locale) {
  constexpr std::string_view kZh[] = {"提示", "警告", "严重"};
  return locale == Locale::kZh ? kZh[static_cast<size_t>(severity)] : severity_name(severity);
}

}  // namespace

std::string title_text(std::span<const Notice> notices, Locale locale) {
  const size_t fire = burning(notices);
  const bool zh = locale == Locale::kZh;
  const std::string_view word = fire > 0 ? (zh ? "告警" : "FIRING") : (zh ? "已恢复" : "RESOLVED");
  const std::string count = notices.size() > 1 ? fmt::format(":{}", fire > 0 ? fire : notices.size()) : "";
  const std::string tail = notices.size() == 1 ? (zh ? "：" : ": ") + cut(notices.front().summary, 300) : "";
  return fmt::format("[{}{}] {}{}", word, count, notices.front().rule, tail);
}

std::string body_text(std::span<const Notice> notices, std::string_view external_url, Locale locale,
                      size_t bytes_max) {
  const bool zh = locale == Locale::kZh;
  std::string out;
  size_t left = notices.size();
  constexpr size_t kTail = 64;
  for (const Notice& n : notices) {
    std::string one =
        fmt::format("{} · {}\n{}\n", n.resolved ? (zh ? "已恢复" : "resolved") : (zh ? "告警中" : "firing"),
                    severity_text(n.severity, locale), n.summary);
    if (!n.description.empty()) one += n.description + "\n";
    one += fmt::format("{}{}\n", zh ? "开始：" : "since ", utc_text(n.starts_ms));
    if (n.resolved) one += fmt::format("{}{}\n", zh ? "结束：" : "until ", utc_text(n.ends_ms));
    if (!n.evidence.empty())
      one += fmt::format(
          "{}{}\n", zh ? "证据：" : "evidence: ", cut(n.evidence, std::min(kEvidenceShown, bytes_max / 2)));
    one += std::string(external_url) + n.link + "\n";
    if (out.empty()) one = cut(one, bytes_max - kTail);
    if (!out.empty() && out.size() + one.size() + 1 + kTail > bytes_max) break;
    out += (out.empty() ? "" : "\n") + one;
    --left;
  }
  if (left > 0) out += zh ? fmt::format("\n另有 {} 条\n", left) : fmt::format("\nand {} more\n", left);
  return out;
}

}  // namespace waybill::alert
