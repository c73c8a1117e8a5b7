#pragma once
// The bytes in which a Task keeps its messages (docs/ledger.md): entries of whole cells, the newest of a
// message counts.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ledger/shard.h"

namespace waybill::ledger {

/// Appends the state of a message, the id of an open one only the first time. Cost: 13 bytes, and about 20
/// and its id for one that is open and new here, or that was consumed and is not yet produced.
void append_entry(std::string& out, Shard& shard, const Cell& cell);

/// Puts the entries of `bytes` into the shard; a later entry of a message replaces an earlier one. Messages
/// that it says were released get the shard's stamp. kTruncated or kCorrupt for anything that append_entry()
/// does not write.
Result<void> apply_entries(std::string_view bytes, Shard& shard);

}  // namespace waybill::ledger
