#pragma once
// Group commit over the runners of one process.

#include <memory>

#include "flow/store.h"

namespace waybill::flow {

/// A Store whose commit() joins concurrent calls into one transaction of `inner`: the first caller commits
/// for all that came while the one before was busy (leader and followers), so that ten runners cost one
/// fsync. All else goes to `inner`, which outlives it. When a joined transaction fails for a reason that lies
/// in its rows, each caller's part is tried alone, so that one broken engine does not stop the others.
/// Thread-safe.
std::unique_ptr<Store> make_joined_store(Store& inner);

}  // namespace waybill::flow
