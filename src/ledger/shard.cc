#include "ledger/shard.h"

namespace waybill::ledger {

Shard::Seen Shard::note_wide(Cell& cell, uint32_t consumer) {
  cell.flags = cell.flags | Cell::kWide;
  auto [it, added] = wide_.try_emplace({cell.tag, cell.more, consumer}, false);
  if (added) return Seen::kFirst;
  return std::exchange(it->second, true) ? Seen::kAgain : Seen::kSecond;
}

}  // namespace waybill::ledger
