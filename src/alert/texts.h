#pragma once
// What alerts say to people, in English and Chinese.

#include <cstdint>
#include <string>
#include <string_view>

#include "alert/alert.h"
#include "base/time.h"

namespace waybill::alert {

/// Where something happened. Empty members are left out.
struct Place {
  std::string_view cluster, topic, group;
};

/// Each gives the summary, one line. The words are those of the page (web/src/i18n).
class Texts {
 public:
  explicit Texts(Locale locale) : zh_(locale == Locale::kZh) {}

  std::string watch(std::string_view name, std::string_view by, int64_t count, int64_t threshold,
                    Millis window) const;
  std::string lost(const Place& at, int64_t count) const;
  std::string redelivered(const Place& at, int64_t count, int64_t of, Millis window) const;
  std::string unconfirmed(const Place& at, int64_t count) const;
  std::string lag_messages(const Place& at, int64_t messages) const;
  std::string lag_time(const Place& at, Millis age) const;
  std::string latency(const Place& at, int percentile, Millis latency, Millis window) const;
  std::string unconsumed(std::string_view ledger, std::string_view consumer, int64_t count) const;
  std::string vanished(std::string_view cluster, std::string_view reporter, std::string_view host) const;
  std::string incomplete(std::string_view cluster, std::string_view topic, std::string_view reasons,
                         Millis age) const;
  std::string own_lag(std::string_view source, int64_t messages) const;
  std::string degraded(std::string_view source, std::string_view detail) const;
  std::string kpi(std::string_view name, std::string_view value, std::string_view by, double is, double limit,
                  std::string_view window_start) const;

  /// What to do, for the description; "" when there is nothing to add.
  std::string lost_advice() const;
  /// "5m", "1.5 s"
  std::string span(Millis time) const;

 private:
  std::string at(const Place& place) const;
  bool zh_;
};

}  // namespace waybill::alert
