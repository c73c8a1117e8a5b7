#pragma once
// WAYBILL_FAILPOINT=name:n aborts the process (SIGABRT, no clean-up) at the n-th passage of the named point.
// For tests of crash safety; costs one relaxed load when unset.

#include <string_view>

namespace waybill::flow {

/// Names in use: flush.before, flush.after, commit.before (nothing written), commit.rows (rows written,
/// transaction open), commit.after (transaction committed), publish.after (positions published to the
/// broker), replay.begun (a replay's begin is stored, nothing delivered), replay.sent (delivered, its end not
/// told).
void failpoint(std::string_view name);

}  // namespace waybill::flow
