#include "decode/time_zone.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <cstdio>

namespace waybill::decode {
namespace {

constexpr int64_t kDayS = 86'400;

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

absl::CivilSecond civil_of(int64_t civil_s) { return absl::CivilSecond(1970, 1, 1) + civil_s; }

/// "+08:00", "-0330". Seconds, or nothing.
bool fixed_offset(std::string_view text, int& seconds) {
  if (text.size() != 5 && text.size() != 6) return false;
  if (text[0] != '+' && text[0] != '-') return false;
  if (text.size() == 6 && text[3] != ':') return false;
  const size_t minutes_at = text.size() - 2;
  auto digits = [&text](size_t at) {
    const int tens = text[at] - '0';
    const int ones = text[at + 1] - '0';
    return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
  };
  const int hours = digits(1);
  const int minutes = digits(minutes_at);
  if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59) return false;
  seconds = (hours * 60 + minutes) * 60 * (text[0] == '-' ? -1 : 1);
  return true;
}

}  // namespace

struct Zone::Rules {
  absl::TimeZone zone;
};

Zone::Zone() : rules_(std::make_shared<Rules>(Rules{absl::UTCTimeZone()})) {}

Result<Zone> Zone::load(std::string_view name) {
  Zone zone;
  zone.name_ = std::string(name);
  absl::TimeZone loaded;
  int offset = 0;
  if (fixed_offset(name, offset)) {
    loaded = absl::FixedTimeZone(offset);
  } else if (name.empty() || name[0] == '/' || name[0] == ':' || name.find("..") != std::string_view::npos ||
             name == "localtime" || !absl::LoadTimeZone(zone.name_, &loaded)) {
    return fail(Errc::kNotFound,
                "there is no time zone \"" + zone.name_ +
                    "\"; names such as Asia/Shanghai, Europe/Berlin, UTC or +08:00 are allowed");
  }
  zone.rules_ = std::make_shared<Rules>(Rules{loaded});
  return zone;
}

Zone::Instant Zone::instant_of(int64_t civil_s) const {
  const absl::TimeZone::TimeInfo info = rules_->zone.At(civil_of(civil_s));
  switch (info.kind) {
    case absl::TimeZone::TimeInfo::SKIPPED:
      return {Instant::Kind::kSkipped, absl::ToUnixSeconds(info.trans)};
    case absl::TimeZone::TimeInfo::REPEATED:
      return {Instant::Kind::kRepeated, absl::ToUnixSeconds(info.pre)};
    default:
      return {Instant::Kind::kUnique, absl::ToUnixSeconds(info.pre)};
  }
}

int64_t Zone::offset_s(int64_t utc_s) const { return rules_->zone.At(absl::FromUnixSeconds(utc_s)).offset; }

int64_t Zone::day_start_s(int64_t civil_day) const { return instant_of(civil_day * kDayS).utc_s; }

Zone::Day Zone::day_of(int64_t utc_s) const {
  int64_t day = floor_div(utc_s + offset_s(utc_s), kDayS);
  // Where midnight itself is repeated the offset alone would name the wrong side of it.
  if (day_start_s(day) > utc_s) --day;
  if (day_start_s(day + 1) <= utc_s) ++day;
  return {day_start_s(day), day_start_s(day + 1), day};
}

std::string Zone::rfc3339(int64_t utc_ms) const {
  const int64_t utc_s = floor_div(utc_ms, 1000);
  const int millis = static_cast<int>(utc_ms - utc_s * 1000);
  const int64_t offset = offset_s(utc_s);
  const absl::CivilSecond at = civil_of(utc_s + offset);
  char text[80];
  int n =
      std::snprintf(text, sizeof text, "%04lld-%02d-%02dT%02d:%02d:%02d", static_cast<long long>(at.year()),
                    at.month(), at.day(), at.hour(), at.minute(), at.second());
  auto room = [&n] { return sizeof text - static_cast<size_t>(n); };
  if (millis != 0) n += std::snprintf(text + n, room(), ".%03d", millis);
  if (offset == 0 && (name_ == "UTC" || name_ == "Etc/UTC")) {
    n += std::snprintf(text + n, room(), "Z");
  } else {
    const int64_t minutes = (offset < 0 ? -offset : offset) / 60;
    n += std::snprintf(text + n, room(), "%c%02d:%02d", offset < 0 ? '-' : '+',
                       static_cast<int>(minutes / 60), static_cast<int>(minutes % 60));
  }
  return {text, static_cast<size_t>(n)};
}

}  // namespace waybill::decode
