#pragma once
// Findings as the API gives them, as lines for people. Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace waybill::cli {

/// One element of /api/v1/topics/{topic}/findings.
struct FindingLine {
  std::string cluster, group, state, reason;
  int64_t partition = 0;
  int64_t first_offset = 0;
  int64_t last_offset = 0;  ///< inclusive
  int64_t count = 0;
  std::optional<int64_t> bucket_start;  ///< epoch ms
  std::string json;                     ///< the object as it came, on one line
};

struct FindingPage {
  std::vector<FindingLine> findings;
  std::optional<std::string> next;  ///< for the page behind this one
};

/// kCorrupt when the body is something else.
Result<FindingPage> parse_finding_page(std::string_view body);

/// "PARTITION  OFFSETS ..." and a line below it; both end with a newline. Names of strangers are shown
/// without control characters.
std::string finding_heading();
std::string finding_line(const FindingLine& finding);

/// Messages and ranges by state.
struct FindingTotals {
  struct Total {
    int64_t messages = 0;
    int64_t ranges = 0;
  };
  std::map<std::string, Total> by_state;
  void add(const FindingLine& finding);
  int64_t messages(const std::string& state) const;
  /// "12 messages in 3 ranges are lost", one line a state; `none` when there is nothing.
  std::string text(std::string_view none) const;
  std::string json() const;  ///< {"lost":{"messages":12,"ranges":3}}
};

/// Without control characters, so that nobody's name reaches the terminal as a command.
std::string shown(std::string_view text);

/// "2026-01-31T09:30:00Z", with ".123" when it is no whole second.
std::string utc_text(int64_t epoch_ms);

}  // namespace waybill::cli
