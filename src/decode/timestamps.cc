#include "decode/timestamps.h"

#include <algorithm>
#include <cstring>

namespace waybill::decode {
namespace {

constexpr int64_t kHourS = 3600;
constexpr int64_t kMsMax = 253'402'300'799'999;  // the end of the year 9999
constexpr int64_t kMsMin = -62'135'596'800'000;  // the start of the year 1

bool digit(char c) { return c >= '0' && c <= '9'; }

/// A number of exactly `width` digits; false when there is another character.
bool take_digits(std::string_view text, size_t at, size_t width, int64_t& out) {
  if (text.size() < at + width) return false;
  int64_t value = 0;
  for (size_t i = at; i < at + width; ++i) {
    if (!digit(text[i])) return false;
    value = value * 10 + (text[i] - '0');
  }
  out = value;
  return true;
}

/// A fraction of a second of 1 to 9 digits, in ms; how many digits, 0 = none or too many.
size_t take_fraction(std::string_view text, size_t at, int64_t& ms) {
  size_t n = 0;
  int64_t value = 0;
  while (at + n < text.size() && digit(text[at + n])) {
    if (n == 9) return 0;
    if (n < 3) value = value * 10 + (text[at + n] - '0');
    ++n;
  }
  for (size_t i = n; i < 3; ++i) value *= 10;
  ms = value;
  return n;
}

/// Eight digits at once. False when one is none. Little endian.
bool eight_digits(const char* text, uint64_t& out) {
  uint64_t word;
  std::memcpy(&word, text, sizeof word);
  const uint64_t low = word - 0x3030303030303030u;
  if ((low | (low + 0x7676767676767676u)) & 0x8080808080808080u) return false;
  uint64_t value = low * 10 + (low >> 8);
  value = (((value & 0x000000FF000000FFu) * 0x000F424000000064u) +
           (((value >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u)) >>
          32;
  out = value & 0xFFFFFFFFu;
  return true;
}

}  // namespace

std::string_view time_fault_text(TimeFault fault) {
  switch (fault) {
    case TimeFault::kNone:
      return "fine";
    case TimeFault::kEmpty:
      return "no time";
    case TimeFault::kShape:
      return "not in the declared format";
    case TimeFault::kNoSuchDate:
      return "no such date";
    case TimeFault::kNoSuchTime:
      return "no such time of day";
    case TimeFault::kSkipped:
      return "left out when the clocks were put forward";
    case TimeFault::kRange:
      return "outside the years 1 to 9999";
  }
  return "fine";
}

Result<TimeParser> TimeParser::make(std::string_view format, std::string_view zone) {
  TimeParser parser;
  auto loaded = Zone::load(zone);
  if (!loaded) return tl::make_unexpected(std::move(loaded.error()));
  parser.zone_ = std::move(*loaded);
  if (format == "yyyyMMddHHmmssSSS") {
    parser.kind_ = Kind::kCompactMs;
    parser.fixed_size_ = 17;
  } else if (format == "rfc3339") {
    parser.kind_ = Kind::kRfc3339;
  } else if (format == "iso") {
    parser.kind_ = Kind::kIso;
  } else if (format == "epoch_s") {
    parser.kind_ = Kind::kEpochS;
  } else if (format == "epoch_ms") {
    parser.kind_ = Kind::kEpochMs;
  } else {
    auto tokens = tokens_of(format);
    if (!tokens) return tl::make_unexpected(std::move(tokens.error()));
    parser.kind_ = Kind::kPattern;
    parser.tokens_ = std::move(*tokens);
    for (const Token& token : parser.tokens_) parser.fixed_size_ += token.literal ? 1 : token.width;
  }
  return parser;
}

Result<std::vector<TimeParser::Token>> TimeParser::tokens_of(std::string_view format) {
  const std::string allowed =
      "; allowed are rfc3339, iso, epoch_s, epoch_ms or a pattern of yyyy MM dd HH mm ss SSS, e.g. "
      "yyyy-MM-dd HH:mm:ss";
  auto refuse = [&](const std::string& why) {
    return fail(Errc::kInvalid, "the time format \"" + std::string(format) + "\" " + why + allowed);
  };
  std::vector<Token> tokens;
  uint32_t seen = 0;
  for (size_t i = 0; i < format.size();) {
    const char c = format[i];
    if (c == '\'') {
      const size_t end = format.find('\'', i + 1);
      if (end == std::string_view::npos) return refuse("has a ' that is not closed");
      for (size_t j = i + 1; j < end; ++j) tokens.push_back({.literal = true, .character = format[j]});
      i = end + 1;
      continue;
    }
    size_t run = 1;
    while (i + run < format.size() && format[i + run] == c) ++run;
    constexpr std::string_view kLetters = "yMdHms";
    const size_t part = c == 'S' ? size_t{kFraction} : kLetters.find(c);
    if (part == std::string_view::npos) {
      if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return refuse(std::string("has the letter ") + c);
      for (size_t j = 0; j < run; ++j) tokens.push_back({.literal = true, .character = c});
      i += run;
      continue;
    }
    const bool wide = c == 'y' ? run == 4 : c == 'S' ? run <= 9 : run == 2;
    if (!wide) return refuse(std::string("has ") + std::string(run, c));
    if (seen & (1u << part)) return refuse(std::string("has ") + std::string(run, c) + " twice");
    seen |= 1u << part;
    tokens.push_back({.part = static_cast<Part>(part), .width = static_cast<uint8_t>(run)});
    i += run;
  }
  if (!(seen & 1u)) return refuse("has no year");
  if (tokens.size() > 64) return refuse("is too long");
  return tokens;
}

TimeFault TimeParser::check(Civil& civil) {
  int64_t* v = civil.value;
  if (v[kYear] < 1) return TimeFault::kRange;
  if (v[kMonth] < 1 || v[kMonth] > 12 || v[kDay] < 1 ||
      v[kDay] > days_in_month(v[kYear], static_cast<int>(v[kMonth]))) {
    return TimeFault::kNoSuchDate;
  }
  if (v[kSecond] == 60 && v[kMinute] == 59) v[kSecond] = 59;  // a leap second
  if (v[kHour] > 23 || v[kMinute] > 59 || v[kSecond] > 59) return TimeFault::kNoSuchTime;
  return TimeFault::kNone;
}

ParsedTime TimeParser::local(int64_t civil_s, int64_t ms) {
  const int64_t hour = civil_s >= 0 ? civil_s / kHourS : (civil_s - kHourS + 1) / kHourS;
  if (hour != cached_hour_) {
    const Zone::Instant at = zone_.instant_of(civil_s);
    if (at.kind == Zone::Instant::Kind::kSkipped) return {0, TimeFault::kSkipped};
    const Zone::Instant first = zone_.instant_of(hour * kHourS);
    const Zone::Instant last = zone_.instant_of(hour * kHourS + kHourS - 1);
    const bool plain = first.kind == Zone::Instant::Kind::kUnique &&
                       last.kind == Zone::Instant::Kind::kUnique && last.utc_s - first.utc_s == kHourS - 1;
    if (!plain) return {at.utc_s * 1000 + ms, TimeFault::kNone};
    cached_hour_ = hour;
    cached_offset_s_ = civil_s - at.utc_s;
  }
  return {(civil_s - cached_offset_s_) * 1000 + ms, TimeFault::kNone};
}

/// Lines come in the order of their times: most are of the hour of the line before.
ParsedTime TimeParser::parse_compact(const char* text) {
  if (compact_hour_ms_ != INT64_MIN && std::memcmp(text, compact_hour_, sizeof compact_hour_) == 0) {
    unsigned digits[7];
    unsigned most = 0;
    for (size_t i = 0; i < 7; ++i) {
      digits[i] = static_cast<unsigned char>(text[10 + i]) - unsigned{'0'};
      most = std::max(most, digits[i]);
    }
    const unsigned minute = digits[0] * 10 + digits[1], second = digits[2] * 10 + digits[3];
    if (most <= 9 && minute < 60 && second < 60) {
      const unsigned ms = digits[4] * 100 + digits[5] * 10 + digits[6];
      return {compact_hour_ms_ + int64_t{(minute * 60 + second) * 1000 + ms}, TimeFault::kNone};
    }
  }
  uint64_t date = 0;
  uint64_t time = 0;
  if (!eight_digits(text, date) || !eight_digits(text + 8, time) || !digit(text[16]))
    return {0, TimeFault::kShape};
  // HHmmssSS, and the last digit of the milliseconds.
  const auto ms = static_cast<int64_t>(time % 100 * 10 + static_cast<uint64_t>(text[16] - '0'));
  Civil civil;
  civil.value[kYear] = static_cast<int64_t>(date / 10'000);
  civil.value[kMonth] = static_cast<int64_t>(date / 100 % 100);
  civil.value[kDay] = static_cast<int64_t>(date % 100);
  civil.value[kHour] = static_cast<int64_t>(time / 1'000'000);
  civil.value[kMinute] = static_cast<int64_t>(time / 10'000 % 100);
  civil.value[kSecond] = static_cast<int64_t>(time / 100 % 100);
  if (const TimeFault fault = check(civil); fault != TimeFault::kNone) return {0, fault};
  const int64_t* v = civil.value;
  const int64_t days = days_from_civil(v[kYear], static_cast<int>(v[kMonth]), static_cast<int>(v[kDay]));
  const int64_t hour_s = days * 86'400 + v[kHour] * kHourS;
  const ParsedTime parsed = local(hour_s + v[kMinute] * 60 + v[kSecond], ms);
  const bool plain = parsed.fault == TimeFault::kNone && cached_hour_ == hour_s / kHourS && hour_s >= 0;
  compact_hour_ms_ = plain ? (hour_s - cached_offset_s_) * 1000 : INT64_MIN;
  std::memcpy(compact_hour_, text, sizeof compact_hour_);
  return parsed;
}

ParsedTime TimeParser::parse_pattern(std::string_view text) {
  if (text.size() != fixed_size_) return {0, TimeFault::kShape};
  Civil civil;
  size_t at = 0;
  for (const Token& token : tokens_) {
    if (token.literal) {
      if (text[at] != token.character) return {0, TimeFault::kShape};
      ++at;
      continue;
    }
    int64_t& value = civil.value[token.part];
    if (!take_digits(text, at, token.width, value)) return {0, TimeFault::kShape};
    if (token.part == kFraction) take_fraction(text.substr(0, at + token.width), at, value);
    at += token.width;
  }
  if (const TimeFault fault = check(civil); fault != TimeFault::kNone) return {0, fault};
  const int64_t* v = civil.value;
  const int64_t days = days_from_civil(v[kYear], static_cast<int>(v[kMonth]), static_cast<int>(v[kDay]));
  return local(days * 86'400 + v[kHour] * kHourS + v[kMinute] * 60 + v[kSecond], v[kFraction]);
}

ParsedTime TimeParser::parse_iso(std::string_view text) {
  Civil civil;
  int64_t* v = civil.value;
  const bool shaped = take_digits(text, 0, 4, v[kYear]) && take_digits(text, 5, 2, v[kMonth]) &&
                      take_digits(text, 8, 2, v[kDay]) && take_digits(text, 11, 2, v[kHour]) &&
                      take_digits(text, 14, 2, v[kMinute]) && take_digits(text, 17, 2, v[kSecond]) &&
                      text[4] == '-' && text[7] == '-' &&
                      (text[10] == 'T' || text[10] == 't' || text[10] == ' ') && text[13] == ':' &&
                      text[16] == ':';
  if (!shaped) return {0, TimeFault::kShape};
  size_t at = 19;
  if (at < text.size() && (text[at] == '.' || (text[at] == ',' && kind_ == Kind::kIso))) {
    const size_t digits = take_fraction(text, at + 1, v[kFraction]);
    if (digits == 0) return {0, TimeFault::kShape};
    at += 1 + digits;
  }
  if (const TimeFault fault = check(civil); fault != TimeFault::kNone) return {0, fault};
  const int64_t days = days_from_civil(v[kYear], static_cast<int>(v[kMonth]), static_cast<int>(v[kDay]));
  const int64_t civil_s = days * 86'400 + v[kHour] * kHourS + v[kMinute] * 60 + v[kSecond];
  const std::string_view rest = text.substr(std::min(at, text.size()));
  if (rest.empty()) {
    if (kind_ == Kind::kRfc3339) return {0, TimeFault::kShape};
    return local(civil_s, v[kFraction]);
  }
  if (rest == "Z" || rest == "z") return {civil_s * 1000 + v[kFraction], TimeFault::kNone};
  int64_t hours = 0;
  int64_t minutes = 0;
  const bool colon = rest.size() == 6 && rest[3] == ':';
  if ((rest[0] != '+' && rest[0] != '-') || !(colon || (rest.size() == 5 && kind_ == Kind::kIso)) ||
      !take_digits(rest, 1, 2, hours) || !take_digits(rest, rest.size() - 2, 2, minutes)) {
    return {0, TimeFault::kShape};
  }
  if (hours > 23 || minutes > 59) return {0, TimeFault::kNoSuchTime};
  const int64_t offset = (hours * 60 + minutes) * (rest[0] == '-' ? -60 : 60);
  return {(civil_s - offset) * 1000 + v[kFraction], TimeFault::kNone};
}

ParsedTime TimeParser::parse_epoch(std::string_view text) const {
  size_t at = text[0] == '-' || text[0] == '+' ? 1 : 0;
  int64_t value = 0;
  if (at == text.size() || text.size() - at > 18) return {0, TimeFault::kShape};
  if (!take_digits(text, at, text.size() - at, value)) return {0, TimeFault::kShape};
  if (text[0] == '-') value = -value;
  if (kind_ == Kind::kEpochS && (value > kMsMax / 1000 || value < kMsMin / 1000))
    return {0, TimeFault::kRange};
  if (kind_ == Kind::kEpochS) value *= 1000;
  if (value > kMsMax || value < kMsMin) return {0, TimeFault::kRange};
  return {value, TimeFault::kNone};
}

ParsedTime TimeParser::parse(std::string_view text) {
  if (text.empty()) return {0, TimeFault::kEmpty};
  switch (kind_) {
    case Kind::kCompactMs:
      return text.size() == 17 ? parse_compact(text.data()) : ParsedTime{0, TimeFault::kShape};
    case Kind::kPattern:
      return parse_pattern(text);
    case Kind::kRfc3339:
    case Kind::kIso:
      return parse_iso(text);
    case Kind::kEpochS:
    case Kind::kEpochMs:
      return parse_epoch(text);
  }
  return {0, TimeFault::kShape};
}

}  // namespace waybill::decode
