#pragma once
// Strict parsing of times by a declared format. What does not exist (30 February, 24:61, an hour that
// daylight saving left out) is refused with its reason, never moved.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "decode/time_zone.h"

namespace waybill::decode {

enum class TimeFault : uint8_t {
  kNone,
  kEmpty,
  kShape,       ///< not as the format says: a letter among digits, too short, something behind it
  kNoSuchDate,  ///< 30 February, month 13
  kNoSuchTime,  ///< 24:00, minute 60; a leap second counts as the second before it
  kSkipped,     ///< left out when the clocks were put forward
  kRange,       ///< before the year 1 or beyond 9999
};
/// e.g. "no such date", for people.
std::string_view time_fault_text(TimeFault fault);

struct ParsedTime {
  int64_t ms = 0;  ///< epoch; only when fault is kNone
  TimeFault fault = TimeFault::kNone;
};

/// One format in one zone. Formats:
///   rfc3339      2018-11-24T00:01:36.544+08:00, Z, also a space for the T; fraction of 1 to 9 digits
///   iso          the same with the offset left out at will: then local time of the zone; "," before a
///   fraction too epoch_s, epoch_ms   whole numbers, a sign allowed a pattern of yyyy MM dd HH mm ss S.. (1
///   to 9) and other characters as they are, letters of them in '':
///                yyyyMMddHHmmssSSS, yyyy-MM-dd HH:mm:ss, dd/MM/yyyy'T'HH:mm. Absent parts are 01-01 and 0.
/// Fractions beyond milliseconds are cut. A local time that was twice is taken as the first.
/// Copies are independent; not thread-safe: it remembers the offset of the local hour of its last time. Cost
/// of a fixed pattern in one hour: about 10 ns, else 60 ns more.
class TimeParser {
 public:
  /// kInvalid: a pattern without yyyy, a part twice, an unknown letter. kNotFound: the zone.
  static Result<TimeParser> make(std::string_view format, std::string_view zone);
  ParsedTime parse(std::string_view text);
  const Zone& zone() const { return zone_; }
  /// Bytes of each time; 0 when they differ.
  size_t fixed_size() const { return fixed_size_; }

 private:
  enum class Kind : uint8_t { kCompactMs, kPattern, kRfc3339, kIso, kEpochS, kEpochMs };
  enum Part : uint8_t { kYear, kMonth, kDay, kHour, kMinute, kSecond, kFraction, kParts };
  struct Token {
    bool literal = false;
    char character = 0;
    Part part = kYear;
    uint8_t width = 0;
  };
  struct Civil {
    int64_t value[kParts] = {1970, 1, 1, 0, 0, 0, 0};  ///< the fraction in ms
  };
  static Result<std::vector<Token>> tokens_of(std::string_view format);
  ParsedTime parse_compact(const char* text);
  ParsedTime parse_pattern(std::string_view text);
  ParsedTime parse_iso(std::string_view text);
  ParsedTime parse_epoch(std::string_view text) const;
  static TimeFault check(Civil& civil);
  /// Seconds of local time to an instant.
  ParsedTime local(int64_t civil_s, int64_t ms);

  Kind kind_ = Kind::kIso;
  Zone zone_;
  std::vector<Token> tokens_;
  size_t fixed_size_ = 0;
  int64_t cached_hour_ = INT64_MIN;  ///< civil_s / 3600
  int64_t cached_offset_s_ = 0;
  char compact_hour_[10] = {};           ///< yyyyMMddHH of the last text of kCompactMs ...
  int64_t compact_hour_ms_ = INT64_MIN;  ///< ... when no clock changes in it: its start
};

}  // namespace waybill::decode
