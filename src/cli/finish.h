#pragma once
// An orderly end with a limit.

#include <functional>

#include "base/log.h"
#include "cli/stop_signal.h"

namespace waybill::cli {

inline constexpr Millis kFinishMax{10'000};

/// Runs `stop` in a thread. False when it took longer than kFinishMax or a second signal came: the process
/// must end at once, because the thread still runs.
bool finish(std::function<void()> stop, StopSignal& signal, const LogFn& log);

}  // namespace waybill::cli
