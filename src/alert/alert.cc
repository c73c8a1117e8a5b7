#include "alert/alert.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace waybill::alert {

std::string_view severity_name(Severity severity) {
  constexpr std::string_view kNames[] = {"info", "warning", "critical"};
  return kNames[static_cast<size_t>(severity)];
}

std::string_view state_name(State state) {
  constexpr std::string_view kNames[] = {"pending", "firing", "resolved"};
  return kNames[static_cast<size_t>(state)];
}

std::string fingerprint(const Labels& labels) {
  constexpr uint64_t kOffset = 14695981039346656037ull, kPrime = 1099511628211ull;
  constexpr unsigned char kSeparator = 255;
  uint64_t hash = kOffset;
  auto add = [&hash](std::string_view text) {
    for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
    hash = (hash ^ kSeparator) * kPrime;
  };
  for (const auto& [name, value] : labels) {
    add(name);
    add(value);
  }
  return fmt::format("{:016x}", hash);
}

std::string notice_text(const Notice& n) {
  return nlohmann::json{{"id", n.id},
                        {"resolved", n.resolved},
                        {"rule", n.rule},
                        {"severity", static_cast<int>(n.severity)},
                        {"labels", n.labels},
                        {"value", n.value},
                        {"summary", n.summary},
                        {"description", n.description},
                        {"evidence", n.evidence},
                        {"link", n.link},
                        {"starts_ms", n.starts_ms},
                        {"ends_ms", n.ends_ms}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Notice parse_notice(std::string_view text) {
  Notice n;
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return n;
  try {
    n.resolved = json.at("resolved").get<bool>();
    n.rule = json.at("rule").get<std::string>();
    n.severity = static_cast<Severity>(std::clamp(json.at("severity").get<int>(), 0, 2));
    n.labels = json.at("labels").get<Labels>();
    n.value = json.at("value").get<double>();
    n.summary = json.at("summary").get<std::string>();
    n.description = json.at("description").get<std::string>();
    n.evidence = json.at("evidence").get<std::string>();
    n.link = json.at("link").get<std::string>();
    n.starts_ms = json.at("starts_ms").get<int64_t>();
    n.ends_ms = json.at("ends_ms").get<int64_t>();
    n.id = json.at("id").get<std::string>();
  } catch (const nlohmann::json::exception&) {
    return {};
  }
  return n;
}

std::string utc_text(int64_t epoch_ms) {
  const int64_t seconds = epoch_ms >= 0 ? epoch_ms / 1000 : -((999 - epoch_ms) / 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(seconds)),
                     epoch_ms - seconds * 1000);
}

}  // namespace waybill::alert
