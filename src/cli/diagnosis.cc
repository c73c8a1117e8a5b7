#include "cli/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace waybill::cli {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kReportBytes = 600 * 1024;  ///< a report of 512 KiB with its batch
constexpr int64_t kClockWarnMs = 2'000;
constexpr int64_t kClockFailMs = 3'600'000;  ///< a message this far ahead goes to the bucket `far`

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// In single quotes, for a shell.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
  }
  return out + "'";
}

std::optional<int64_t> number(const Properties& settings, std::string_view name) {
  auto text = property(settings, name);
  int64_t value = 0;
  if (!text) return std::nullopt;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

}  // namespace

std::string symptom_text(const Symptom& symptom) {
  constexpr std::string_view kLevels[] = {"ok  ", "warn", "fail"};
  std::string out = fmt::format("{}  {}\n", kLevels[static_cast<size_t>(symptom.level)], symptom.what);
  std::string_view rest = symptom.advice;
  while (!rest.empty()) {
    size_t end = std::min(rest.find('\n'), rest.size());
    out += fmt::format("        {}\n", rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

Result<Properties> parse_client_properties(std::string_view text) {
  Properties properties;
  int line_number = 0;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    if (line.empty() || line.front() == '#') continue;
    size_t equals = line.find('=');
    std::string name(trimmed(line.substr(0, equals)));
    if (equals == std::string_view::npos || name.empty())
      return fail(Errc::kInvalid, fmt::format("line {}: name=value is needed", line_number));
    std::string value(trimmed(line.substr(equals + 1)));
    auto same = [&name](const auto& p) { return p.first == name; };
    properties.erase(std::remove_if(properties.begin(), properties.end(), same), properties.end());
    properties.emplace_back(std::move(name), std::move(value));
  }
  return properties;
}

std::optional<std::string> property(const Properties& properties, std::string_view name) {
  for (const auto& [key, value] : properties) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string principal_of(const Properties& properties) {
  std::string protocol = property(properties, "security.protocol").value_or("plaintext");
  std::transform(protocol.begin(), protocol.end(), protocol.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (protocol.starts_with("sasl")) {
    for (const char* name : {"sasl.username", "sasl.kerberos.principal"}) {
      if (auto user = property(properties, name)) return "User:" + *user;
    }
    return "User:<the client's user>";
  }
  if (protocol == "ssl") return "User:<the subject of the client's certificate>";
  return "User:ANONYMOUS";
}

std::string acl_line(const Properties& properties, const MissingRight& right) {
  std::string brokers = property(properties, "bootstrap.servers").value_or("");
  if (brokers.empty()) brokers = property(properties, "metadata.broker.list").value_or("BROKER:9092");
  return fmt::format("kafka-acls --bootstrap-server {} --add --allow-principal {} --operation {} --{} {}",
                     quoted(brokers), quoted(principal_of(properties)), right.operation, right.resource,
                     quoted(right.name));
}

std::string reach_advice(const Properties& properties, std::string_view reason, int version) {
  constexpr int kScramMended = 0x020601ff;
  constexpr auto npos = std::string_view::npos;
  std::string mechanism =
      property(properties, "sasl.mechanism").value_or(property(properties, "sasl.mechanisms").value_or(""));
  if (reason.find("SASL authentication error") != npos) {
    if (mechanism.starts_with("SCRAM") && version < kScramMended)
      return fmt::format(
          "Check sasl.username and sasl.password. If they are right and the brokers are Kafka 4.0 or newer: "
          "librdkafka before\n2.6.1 cannot log in there by {}. Use sasl.mechanism PLAIN over TLS, or a newer "
          "librdkafka.",
          mechanism);
    return "Check sasl.mechanism, sasl.username and sasl.password.";
  }
  if (reason.find("certificate") != npos)
    return "Name the authority that signed the brokers' certificates by ssl.ca.location; bootstrap.servers "
           "must "
           "have the\nnames that are in the certificates.";
  return "Check bootstrap.servers, security.protocol, the firewall and the broker's advertised.listeners.";
}

std::vector<Symptom> judge_audit_topic(const std::string& topic, const Properties& settings) {
  using Level = Symptom::Level;
  std::vector<Symptom> found;
  auto change = [&topic](std::string_view setting) {
    return fmt::format("kafka-configs --bootstrap-server BROKER --alter --topic {} --add-config {}", topic,
                       setting);
  };
  auto policy = property(settings, "cleanup.policy");
  if (policy && policy->find("compact") != std::string::npos) {
    found.push_back(
        {Level::kFail,
         fmt::format("topic {}: cleanup.policy is {}: the broker deletes reports that nobody has read", topic,
                     *policy),
         change("cleanup.policy=delete")});
  }
  auto retention = number(settings, "retention.ms");
  if (retention && *retention >= 0 && *retention < kDayMs) {
    found.push_back(
        {Level::kWarn,
         fmt::format("topic {}: retention.ms is {}: a collector that is down for so long misses reports",
                     topic, *retention),
         change("retention.ms=604800000")});
  }
  auto largest = number(settings, "max.message.bytes");
  if (largest && *largest < kReportBytes) {
    found.push_back(
        {Level::kFail,
         fmt::format("topic {}: max.message.bytes is {}: large reports are refused", topic, *largest),
         change("max.message.bytes=1048588")});
  }
  auto type = property(settings, "message.timestamp.type");
  if (type && *type != "LogAppendTime") {
    found.push_back(
        {Level::kWarn,
         fmt::format("topic {}: message.timestamp.type is {}: a reporter's wrong clock looks like silence",
                     topic, *type),
         change("message.timestamp.type=LogAppendTime")});
  }
  return found;
}

Symptom judge_clock(int64_t ahead_ms, int64_t uncertain_ms) {
  using Level = Symptom::Level;
  int64_t apart = std::max<int64_t>(0, (ahead_ms < 0 ? -ahead_ms : ahead_ms) - uncertain_ms);
  std::string what =
      fmt::format("clock: the broker's is {} ms {} (give or take {} ms)", ahead_ms < 0 ? -ahead_ms : ahead_ms,
                  ahead_ms < 0 ? "behind" : "ahead", uncertain_ms);
  if (apart < kClockWarnMs) return {Level::kFine, std::move(what), {}};
  return {apart < kClockFailMs ? Level::kWarn : Level::kFail, std::move(what),
          "Latencies and buckets come from clocks: let both machines follow the same time servers (chronyc "
          "tracking)."};
}

}  // namespace waybill::cli
