#include "ledger/shard.h"

namespace waybill::ledger {

Shard::Seen Shard::note_wide(Cell& cell, uint32_t consumer) {
  cell.flags = cell.flags | Cell::kWide;
  auto [it, added] = wide_.try_emplace({cell.tag, cell.more, consumer}, false);
  if (added) return Seen::kFirst;
  return std::exchange(it->second, true) ? Seen::kAgain : Seen::kSecond;
}

void Shard::excuse(uint32_t producer, uint32_t consumer) {
  if (consumer < Cell::kConsumersMax) {
    known_[producer].mask = static_cast<uint16_t>(known_[producer].mask & ~consumed_bit(consumer));
  } else {
    excused_.insert({producer, consumer});
  }
}

void Shard::restore_wide(Cell& cell, uint32_t consumer, bool again) {
  cell.flags = cell.flags | Cell::kWide;
  wide_[{cell.tag, cell.more, consumer}] = again;
}

bool Shard::has_repeated(const Cell& cell, uint32_t consumer) const {
  if (consumer < Cell::kConsumersMax) return ((cell.consumers >> (2 * consumer)) & 3) == 3;
  auto it = wide_.find({cell.tag, cell.more, consumer});
  return it != wide_.end() && it->second;
}

}  // namespace waybill::ledger
