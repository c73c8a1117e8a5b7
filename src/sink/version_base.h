#pragma once
// What makes the versions of documents grow even when a store is deleted and begun anew.

#include <cstdint>

#include "base/time.h"
#include "flow/store.h"

namespace waybill::sink {

/// A number that the store keeps for ever: when it was first asked for, in us since 1970. The version of a
/// document is this and the sequence of its outbox row. A later store has greater ones as long as the earlier
/// one had fewer than a million rows a second. Errors: those of the store.
Result<int64_t> version_base(flow::Store& store, const flow::OwnerId& owner, const Clock& clock);

}  // namespace waybill::sink
