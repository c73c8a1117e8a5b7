#pragma once
// Whether librdkafka can load the plugin, tried where a crash does no harm.

#include <string>

#include "base/result.h"
#include "base/time.h"

namespace waybill::cli {

/// Sets plugin.library.paths in a child process. kNotFound with librdkafka's reason when it is refused,
/// kCorrupt when the child died, kUnavailable when it took longer than `timeout`. REQUIRES: called while this
/// process has one thread, because it forks.
Result<void> try_plugin(const std::string& path, Millis timeout);

}  // namespace waybill::cli
