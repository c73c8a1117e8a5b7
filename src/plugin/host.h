#pragma once
// Facts about this host and process, and the one place where the plugin speaks to people.

#include <string>

#include "base/log.h"
#include "client/reporter.h"
#include "plugin/settings.h"

namespace waybill::plugin {

/// A new reporter's identity: random id, host name, first address that is not loopback, process id.
client::Identity make_identity(const Settings& settings);

/// Writes one line to stderr, "waybill: ...", with control characters replaced. At most kLinesMax lines per
/// process: the host's log belongs to the host.
void say(LogLevel level, std::string_view message) noexcept;
inline constexpr int kLinesMax = 20;

}  // namespace waybill::plugin
