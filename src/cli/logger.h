#pragma once
// The log of the program: lines on stderr. The one door to spdlog's sinks.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/time.h"
#include "cli/config.h"

namespace waybill::cli {

/// Lines on stderr: "2026-01-31T12:00:00.000Z warn  text" or one JSON object each; control characters are
/// escaped, so that one message is one line. Colours only when `colour`. The same message comes at most every
/// kLogRepeatMs. Thread-safe.
LogFn make_log(const LogConfig& config, const Clock& clock);

inline constexpr int64_t kLogRepeatMs = 10'000;
/// So many different messages are remembered; beyond, the oldest are forgotten.
inline constexpr size_t kLogMessagesMax = 1'000;

/// Passes each message on at most every kLogRepeatMs; the next time it says how often it was suppressed. Info
/// and above only: debug lines pass. Thread-safe.
LogFn rate_limited(LogFn log, const Clock& clock);

/// The message with control characters and bytes that are not UTF-8 escaped.
std::string one_line(std::string_view message);

/// Whether stderr or stdout is a terminal that wants colours (NO_COLOR unset, TERM not dumb).
bool wants_colour(int fd);

}  // namespace waybill::cli
