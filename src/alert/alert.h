#pragma once
// What an alert is, as values.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace waybill::alert {

enum class Severity : uint8_t { kInfo, kWarning, kCritical };
std::string_view severity_name(Severity severity);  ///< "info", "warning", "critical"

enum class State : uint8_t { kPending, kFiring, kResolved };
std::string_view state_name(State state);  ///< "pending", "firing", "resolved"

enum class Locale : uint8_t { kEn, kZh };

/// Sorted by name. Names are [a-zA-Z_][a-zA-Z0-9_]*, values UTF-8.
using Labels = std::map<std::string, std::string>;

/// The fingerprint of Prometheus and Alertmanager: FNV-1a over the sorted labels, 16 hex digits. The same
/// alert has the same one in every process and after every restart.
std::string fingerprint(const Labels& labels);

/// What all rules have in common; when a condition holds is decided by who observes it.
struct Rule {
  std::string name;  ///< label `alertname`
  Severity severity = Severity::kWarning;
  Millis pending_for{0};      ///< `for`: a condition that held for less never fires
  Millis keep_firing_for{0};  ///< a condition that fails for less does not resolve
  Millis repeat_interval{4LL * 3'600'000};
  bool tells_growth = false;        ///< a value that rose is told again, at most once per kGrowthEvery
  std::vector<std::string> notify;  ///< names of notifiers
};

/// A rule's condition holds for these labels.
struct Observation {
  Labels labels{};  ///< without alertname and severity
  double value = 0;
  std::string summary{};      ///< one line, in the language of the configuration
  std::string description{};  ///< more of it; may be empty
  std::string evidence{};     ///< a JSON object: what was counted, with samples or offsets
  std::string link{};         ///< of the page, behind the external URL; may be empty
  int64_t holds_ms = 0;       ///< holds for so long unless seen again; 0 = until a sweep does not see it
};

/// What a receiver is told.
struct Notice {
  std::string id{};  ///< fingerprint
  bool resolved = false;
  std::string rule{};
  Severity severity = Severity::kWarning;
  Labels labels{};  ///< with alertname and severity
  double value = 0;
  std::string summary{}, description{}, evidence{}, link{};
  int64_t starts_ms = 0;  ///< epoch ms: when it fired
  int64_t ends_ms = 0;    ///< epoch ms: when it was resolved; 0 = it fires
};

/// As a JSON text for the queue, and back; nullopt-like empty id when the text is none.
std::string notice_text(const Notice& notice);
Notice parse_notice(std::string_view text);

/// "2026-01-31T12:00:00.123Z"
std::string utc_text(int64_t epoch_ms);

}  // namespace waybill::alert
