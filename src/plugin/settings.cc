#include "plugin/settings.h"

#include <cctype>
#include <charconv>
#include <cstdlib>

namespace waybill::plugin {
namespace {

/// Sets one member; null resets it to its built-in default.
using Setter = Result<void> (*)(Settings&, const char* value);

Result<bool> parse_bool(std::string_view value) {
  if (value == "true" || value == "1" || value == "t" || value == "yes") return true;
  if (value == "false" || value == "0" || value == "f" || value == "no") return false;
  return fail(Errc::kInvalid, "is not true or false");
}

template <int64_t kLeast, int64_t kMost>
Result<int64_t> parse_number(std::string_view value) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < kLeast || number > kMost) {
    return fail(Errc::kInvalid,
                "is not a whole number from " + std::to_string(kLeast) + " to " + std::to_string(kMost));
  }
  return number;
}

Result<std::string> parse_topic(std::string_view value) {
  if (value.empty() || value.size() > 249) return fail(Errc::kInvalid, "is not 1 to 249 characters long");
  for (char c : value) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '-') {
      return fail(Errc::kInvalid, "is not a topic name (letters, digits, '.', '_' and '-')");
    }
  }
  return std::string(value);
}

Result<std::string> parse_label(std::string_view value) {
  if (value.size() > 128) return fail(Errc::kInvalid, "is longer than 128 bytes");
  return std::string(value);
}

template <auto kMember, auto kParse>
Result<void> assign(Settings& settings, const char* value) {
  if (!value) {
    settings.*kMember = Settings{}.*kMember;
    return {};
  }
  auto parsed = kParse(value);
  if (!parsed) {
    std::string shown(std::string_view(value).substr(0, 128));
    return fail(parsed.error().code, "\"" + shown + "\" " + parsed.error().message);
  }
  settings.*kMember = *parsed;
  return {};
}

struct Property {
  const char* name;         ///< without the prefix
  const char* environment;  ///< the same in the environment
  Setter set;
};

constexpr Property kProperties[] = {
    {"required", "WAYBILL_REQUIRED", assign<&Settings::required, parse_bool>},
    {"enabled", "WAYBILL_ENABLED", assign<&Settings::enabled, parse_bool>},
    {"service", "WAYBILL_SERVICE", assign<&Settings::service, parse_label>},
    {"data_center", "WAYBILL_DATA_CENTER", assign<&Settings::data_center, parse_label>},
    {"bucket.ms", "WAYBILL_BUCKET_MS", assign<&Settings::bucket_ms, parse_number<1000, 86'400'000>>},
    {"report.topic", "WAYBILL_REPORT_TOPIC", assign<&Settings::report_topic, parse_topic>},
    {"report.interval.ms", "WAYBILL_REPORT_INTERVAL_MS",
     assign<&Settings::report_ms, parse_number<100, 2'000>>},
    {"flush.ms", "WAYBILL_FLUSH_MS", assign<&Settings::flush_ms, parse_number<0, 10'000>>},
};

std::string known_names() {
  std::string names;
  for (const Property& property : kProperties) {
    if (!names.empty()) names += ", ";
    names += kPropertyPrefix;
    names += property.name;
  }
  return names;
}

}  // namespace

Result<void> set_property(Settings& settings, std::string_view name, const char* value) {
  for (const Property& property : kProperties) {
    if (name.substr(0, kPropertyPrefix.size()) != kPropertyPrefix) break;
    if (name.substr(kPropertyPrefix.size()) != property.name) continue;
    Result<void> done = property.set(settings, value);
    if (!done) return tl::make_unexpected(std::move(done.error()).within(name));
    return {};
  }
  return fail(Errc::kNotFound,
              "no property \"" + std::string(name.substr(0, 128)) + "\"; there are " + known_names());
}

Settings settings_from_environment(std::string& problems) {
  Settings settings;
  for (const Property& property : kProperties) {
    const char* value = std::getenv(property.environment);
    if (!value) continue;
    Result<void> done = property.set(settings, value);
    if (!done) problems += std::string(property.environment) + ": " + done.error().message + "\n";
  }
  return settings;
}

}  // namespace waybill::plugin
