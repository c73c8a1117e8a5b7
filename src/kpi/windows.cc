#include "kpi/windows.h"

namespace waybill::kpi {

void Windows::load_day(int64_t ms) {
  const int64_t s = ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
  const decode::Zone::Day day = zone_.day_of(s);
  day_start_ms_ = day.start_s * 1000;
  day_end_ms_ = day.end_s * 1000;
  if (width_ms_ <= kDayMs) return;
  const int64_t weekday = ((day.civil_day + 3) % 7 + 7) % 7;  // 1970-01-01 was a Thursday; Monday = 0
  day_start_ms_ = zone_.day_start_s(day.civil_day - weekday) * 1000;
  day_end_ms_ = zone_.day_start_s(day.civil_day - weekday + 7) * 1000;
}

}  // namespace waybill::kpi
