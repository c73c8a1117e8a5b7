#pragma once
// Gives a Task each record once, of a source that hands out a stretch of time again and again.

#include <memory>

#include "flow/task.h"

namespace waybill::flow {

/// Records with a key that `inner` has had are left out; the keys are part of the state, so that this holds
/// over restarts. A key is remembered until the position is `keep` ahead of its offset (both as the source
/// counts them). `inner` must not use segments whose names begin with "seen/". Cost: a hash and a look-up a
/// record.
std::unique_ptr<Task> make_once_task(std::unique_ptr<Task> inner, int64_t keep);

}  // namespace waybill::flow
