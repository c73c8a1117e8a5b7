#include "audit/query_params.h"

#include <charconv>
#include <chrono>
#include <optional>

namespace waybill::audit {
namespace {

/// Far enough for any clock, near enough that sums do not overflow: the year 9999.
constexpr int64_t kLatestMs = 253'402'300'799'999;

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/// `digits` decimal digits at the front of `text`, which is shortened by them.
std::optional<int> take_digits(std::string_view& text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// "-2h" before now.
std::optional<int64_t> parse_relative(std::string_view text, Now now) {
  if (!take(text, "-") || text.empty()) return std::nullopt;
  int64_t unit_ms = 0;
  switch (text.back()) {
    case 's':
      unit_ms = 1000;
      break;
    case 'm':
      unit_ms = 60'000;
      break;
    case 'h':
      unit_ms = 3'600'000;
      break;
    case 'd':
      unit_ms = 86'400'000;
      break;
    default:
      return std::nullopt;
  }
  text.remove_suffix(1);
  const auto amount = number(text);
  if (!amount || *amount < 0 || *amount > kLatestMs / unit_ms) return std::nullopt;
  return now.wall_ms - *amount * unit_ms;
}

/// Behind the seconds of an RFC 3339 time: "", ".5", "Z", "+02:00". A '+' that came as a blank from a URL is
/// one too.
std::optional<int64_t> parse_tail_ms(std::string_view text) {
  int64_t ms = 0;
  if (take(text, ".")) {
    int64_t scale = 100;
    if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      ms += scale * (text.front() - '0');
      scale /= 10;
      text.remove_prefix(1);
    }
  }
  if (take(text, "Zz")) return text.empty() ? std::optional(ms) : std::nullopt;
  if (text.empty()) return std::nullopt;
  const bool west = text.front() == '-';
  if (!take(text, "+- ")) return std::nullopt;
  const auto hours = take_digits(text, 2);
  if (!hours || !take(text, ":")) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  const int64_t offset_ms = (*hours * 60 + *minutes) * 60'000;
  return ms + (west ? offset_ms : -offset_ms);
}

/// RFC 3339: 2026-01-31T09:30:00Z.
std::optional<int64_t> parse_date(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !take(text, "Tt ")) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !take(text, ":")) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  const auto tail_ms = parse_tail_ms(text);
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60 || !tail_ms) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + *hour) * 60 + *minute) * 60'000 + *second * 1000 + *tail_ms;
}

}  // namespace

Result<int64_t> parse_time(std::string_view text, Now now) {
  auto time = number(text);
  if (!time || *time < 0) time = parse_relative(text, now);
  if (!time) time = parse_date(text);
  if (!time || *time > kLatestMs) {
    return fail(
        Errc::kInvalid,
        "\"" + std::string(text.substr(0, 64)) +
            "\" is no time; allowed are -2h (s, m, h, d), 2026-01-31T09:30:00Z and epoch milliseconds");
  }
  return *time;
}

Result<TimeRange> time_range(const Params& params, Now now, TimeRange missing) {
  TimeRange range = missing;
  for (auto [name, into] : {std::pair("from", &range.from_ms), std::pair("to", &range.to_ms)}) {
    const auto text = params(name);
    if (!text) continue;
    auto time = parse_time(*text, now);
    if (!time) return tl::unexpected(std::move(time.error()).within(name));
    *into = *time;
  }
  if (range.from_ms > range.to_ms) return fail(Errc::kInvalid, "from lies behind to");
  return range;
}

Result<int64_t> positive_number(const Params& params, std::string_view name, int64_t missing, int64_t most) {
  const auto text = params(name);
  if (!text) return missing;
  const auto value = number(*text);
  if (!value || *value < 1 || *value > most) {
    return fail(Errc::kInvalid,
                std::string(name) + ": a number from 1 to " + std::to_string(most) + " is allowed");
  }
  return *value;
}

Result<std::string> one_of(const Params& params, std::string_view name,
                           std::span<const std::string_view> allowed, std::string_view missing) {
  const auto text = params(name);
  if (!text) return std::string(missing);
  std::string list;
  for (std::string_view word : allowed) {
    if (*text == word) return *text;
    list += (list.empty() ? "" : ", ") + std::string(word);
  }
  return fail(Errc::kInvalid,
              std::string(name) + ": \"" + text->substr(0, 64) + "\" is unknown; allowed are " + list);
}

}  // namespace waybill::audit
