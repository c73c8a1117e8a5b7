#include "cli/notifier_config.h"

#include <fmt/format.h>

#include <algorithm>

namespace waybill::cli {
namespace {

using alert::NotifierSettings;
using Kind = NotifierSettings::Kind;

constexpr Kind kKinds[] = {Kind::kWebhook, Kind::kAlertmanager, Kind::kDingTalk, Kind::kFeishu,
                           Kind::kWeCom,   Kind::kSlack,        Kind::kEmail,    Kind::kCommand};
constexpr size_t kRecipientsMax = 100, kArgumentsMax = 100;

/// One address without a name; nothing that could begin another header or command.
bool is_mail_address(std::string_view text) {
  const size_t at = text.find('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.size() <= 254 &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != '<' && c != '>' && c != ','; });
}

bool is_header_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c != 0x7f; });
}

class NotifierReader {
 public:
  NotifierReader(ConfigFaults& faults, const AlertPlaces& places, std::string path)
      : faults_(faults), places_(places), path_(std::move(path)) {}

  std::optional<NotifierSettings> read(const YamlNode& name, const YamlNode& node) {
    Section section(faults_, &node, path_);
    NotifierSettings out;
    out.name = name.text;
    const size_t before = faults_.found.size();
    int kinds = 0;
    for (Kind kind : kKinds) {
      const std::string key(alert::kind_name(kind));
      const YamlNode* direct = section.child(alert::kind_name(kind));
      const YamlNode* twin = takes_url(kind) ? section.child(file_key(kind)) : nullptr;
      if (!direct && !twin) continue;
      ++kinds;
      out.kind = kind;
      if (kinds == 1) receiver(section, node, direct, out);
    }
    if (section.present() && kinds != 1) {
      faults_.add(section.present() ? node : name,
                  path_ +
                      ": one of webhook, alertmanager, dingtalk, feishu, wecom, slack (or these with _file), "
                      "email and command is needed");
    }
    common(section, node, out);
    section.finish();
    if (!section.present() || faults_.found.size() != before) return std::nullopt;
    return out;
  }

 private:
  static bool takes_url(Kind kind) { return kind != Kind::kEmail && kind != Kind::kCommand; }
  /// Lives for ever, as a section's keys must.
  static std::string_view file_key(Kind kind) {
    constexpr std::string_view kKeys[] = {"webhook_file", "alertmanager_file", "dingtalk_file",
                                          "feishu_file",  "wecom_file",        "slack_file"};
    return kKeys[static_cast<size_t>(kind)];
  }

  void receiver(Section& section, const YamlNode& node, const YamlNode* direct, NotifierSettings& out) {
    if (out.kind == Kind::kEmail) return email(direct, out);
    if (out.kind == Kind::kCommand) return command(section, *direct, out);
    auto url = places_.secret(section, alert::kind_name(out.kind), node);
    if (!url) return;
    out.url = std::move(*url);
    if (auto fine = alert::check_url(out.url, {"https", "http"}); !fine)
      faults_.add(direct ? *direct : node,
                  fmt::format("{}.{}: {}", path_, alert::kind_name(out.kind), fine.error().message));
  }

  void email(const YamlNode* node, NotifierSettings& out) {
    Section section(faults_, node, path_ + ".email");
    section.text("smtp", out.url);
    section.text("from", out.from);
    section.texts("to", out.to);
    section.text("user", out.transfer.user);
    if (section.child("password") || section.child("password_file"))
      out.transfer.password = places_.secret(section, "password", *node).value_or("");
    if (auto tls = section.word("starttls", {"try", "need", "never"}))
      out.transfer.tls = static_cast<alert::TransferOptions::Tls>(*tls);
    section.finish();
    if (!section.present()) return;
    if (auto fine = alert::check_url(out.url, {"smtp", "smtps"}); !fine)
      faults_.add(section.child("smtp") ? *section.child("smtp") : *node,
                  path_ + ".email.smtp: " + fine.error().message);
    if (!is_mail_address(out.from))
      faults_.add(section.child("from") ? *section.child("from") : *node,
                  path_ + ".email.from must be one address such as waybill@example.com");
    const bool fine = !out.to.empty() && out.to.size() <= kRecipientsMax &&
                      std::all_of(out.to.begin(), out.to.end(), is_mail_address);
    if (!fine)
      faults_.add(section.child("to") ? *section.child("to") : *node,
                  fmt::format("{}.email.to must be a list of 1 to {} addresses such as [ops@example.com]",
                              path_, kRecipientsMax));
  }

  void command(Section& section, const YamlNode& node, NotifierSettings& out) {
    section.texts("command", out.command);
    if (node.kind != YamlNode::Kind::kSequence) return;  // said by texts()
    if (out.command.empty() || !out.command.front().starts_with('/') || out.command.size() > kArgumentsMax)
      faults_.add(node, path_ +
                            ".command must be a list such as [/usr/local/bin/page, --team, ops]; the path is "
                            "absolute, and no shell is between");
  }

  void common(Section& section, const YamlNode& node, NotifierSettings& out) {
    const std::pair<std::string_view, std::string*> secrets[] = {{"secret", &out.secret},
                                                                 {"token", &out.token}};
    constexpr std::string_view kTwins[] = {"secret_file", "token_file"};
    for (size_t i = 0; i < std::size(secrets); ++i) {
      auto [key, target] = secrets[i];
      if (section.child(key) || section.child(kTwins[i]))
        *target = places_.secret(section, key, node).value_or("");
      if (!is_header_text(*target))
        faults_.add(node, fmt::format("{}.{} holds control characters", path_, key));
    }
    const bool signs = out.kind == Kind::kWebhook || out.kind == Kind::kDingTalk || out.kind == Kind::kFeishu;
    if (!out.secret.empty() && !signs)
      faults_.add(node, path_ + ".secret: webhook, dingtalk and feishu sign; the others do not");
    if (!out.token.empty() && out.kind != Kind::kWebhook && out.kind != Kind::kAlertmanager)
      faults_.add(node, path_ + ".token: webhook and alertmanager take one; the others do not");
    section.text("ca_file", out.transfer.ca_file);
    out.transfer.allow_private = section.word("allow_private", {"false", "true"}) == 1u;
    section.number("per_minute", out.per_minute, {1, 60'000});
    if (out.per_minute == 0) out.per_minute = alert::default_rate(out.kind);
  }

  ConfigFaults& faults_;
  const AlertPlaces& places_;
  std::string path_;
};

}  // namespace

std::optional<NotifierSettings> read_notifier(ConfigFaults& faults, const YamlNode& name,
                                              const YamlNode& node, const AlertPlaces& places) {
  return NotifierReader(faults, places, "notifiers." + name.text).read(name, node);
}

}  // namespace waybill::cli
