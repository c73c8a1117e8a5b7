#pragma once
// IANA time zones: local civil time to instants and back. The one door to absl/time.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace waybill::decode {

/// Civil time as a count of seconds: the instant that the same figures would name in UTC.
/// Days since 1970-01-01 of a proleptic Gregorian date. REQUIRES: 1 <= month <= 12.
constexpr int64_t days_from_civil(int64_t year, int month, int day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = year - era * 400;
  const auto day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/// Days of a month. REQUIRES: 1 <= month <= 12.
constexpr int days_in_month(int64_t year, int month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/// A zone with all its changes of offset. Immutable; copies share the rules; any thread.
class Zone {
 public:
  Zone();  ///< UTC
  /// "Asia/Shanghai", "UTC", or a fixed offset such as "+08:00". kNotFound: no such zone on this machine.
  static Result<Zone> load(std::string_view name);

  /// What a local time means.
  struct Instant {
    enum class Kind : uint8_t {
      kUnique,
      kSkipped,   ///< the clocks were put forward over it: it never was; `utc_s` is the change
      kRepeated,  ///< the clocks were put back: it was twice; `utc_s` is the first
    } kind = Kind::kUnique;
    int64_t utc_s = 0;
  };
  /// About 50 ns.
  Instant instant_of(int64_t civil_s) const;
  /// Local time minus UTC at an instant, in seconds. About 20 ns.
  int64_t offset_s(int64_t utc_s) const;
  /// The local day that holds an instant: [start_s, end_s), of 23 to 25 hours.
  struct Day {
    int64_t start_s = 0;
    int64_t end_s = 0;
    int64_t civil_day = 0;  ///< days since 1970-01-01 of the local date
  };
  Day day_of(int64_t utc_s) const;
  /// The first instant of a local date.
  int64_t day_start_s(int64_t civil_day) const;
  const std::string& name() const { return name_; }

  /// "2018-11-24T00:01:00+08:00"; with milliseconds when they are not zero; "Z" for UTC itself.
  std::string rfc3339(int64_t utc_ms) const;

 private:
  struct Rules;
  std::string name_ = "UTC";
  std::shared_ptr<const Rules> rules_;  ///< shared: parsers are copied for each thread
};

}  // namespace waybill::decode
