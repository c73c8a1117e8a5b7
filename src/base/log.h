#pragma once
// Logging as a callback, so that base, tally, client and plugin bring no logging library into other people's processes.

#include <functional>
#include <string_view>

namespace waybill {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

/// Called from any thread; must not throw. `message` is one line without a newline and without secrets.
using LogFn = std::function<void(LogLevel, std::string_view message)>;

}  // namespace waybill
