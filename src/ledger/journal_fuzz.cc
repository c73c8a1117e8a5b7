// Any bytes as slices of the ledger's journal: refused, or what was read is written again and read as the
// same.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/journal.h"
#include "ledger/state_names.h"

namespace {

using waybill::ledger::Cell;
using waybill::ledger::OpenSlots;
using waybill::ledger::Shard;

constexpr uint32_t kConsumers = 12;
constexpr uint32_t kProducers = 4;

Shard fresh() {
  Shard shard({.keep_ids = false});
  for (uint32_t p = 0; p < kProducers; ++p) shard.expect(p, kConsumers);
  return shard;
}

/// All that the journal keeps of a message, as text.
std::string text_of(const Shard& shard, const Cell& cell) {
  std::string out = std::to_string(cell.tag) + "/" + std::to_string(cell.more) + " " +
                    std::to_string(cell.consumers) + " " + std::to_string(cell.flags & ~Cell::kDirty);
  for (uint32_t c = Cell::kConsumersMax; c < kConsumers; ++c)
    out += shard.has_repeated(cell, c) ? '2' : shard.has_consumed(cell, c) ? '1' : '0';
  if (!cell.has(Cell::kOpen)) return out;
  const OpenSlots::Slot& slot = shard.slots()[cell.slot];
  out += " " + std::to_string(slot.producer) + " " + std::to_string(slot.produce_time) + " " +
         std::to_string(slot.opened_s) + " ";
  out += shard.slots().uid(cell.slot);
  std::vector<std::string> early;
  for (uint32_t i = slot.early; i != OpenSlots::kNone; i = shard.slots().early(i).next) {
    const OpenSlots::Early& e = shard.slots().early(i);
    early.push_back(std::to_string(e.consumer) + ":" + std::to_string(e.consume_time) + ":" +
                    std::to_string(e.latency_ms));
  }
  std::sort(early.begin(), early.end());
  for (const std::string& one : early) out += " " + one;
  return out;
}

std::vector<std::string> texts_of(const Shard& shard) {
  std::vector<std::string> out;
  shard.table().for_each([&](const Cell& cell) { out.push_back(text_of(shard, cell)); });
  std::sort(out.begin(), out.end());
  return out;
}

void check_entries(std::string_view bytes) {
  Shard shard = fresh();
  if (!waybill::ledger::apply_parts(bytes, shard)) return;
  std::vector<std::pair<uint64_t, uint16_t>> names;
  shard.table().for_each([&](const Cell& cell) { names.emplace_back(cell.tag, cell.more); });
  std::string entries;
  for (const auto& [tag, more] : names) {
    Cell& cell = *shard.table().find(tag, more);
    if (cell.has(Cell::kOpen)) shard.slots()[cell.slot].written = false;  // as into a journal of its own
    waybill::ledger::append_entry(entries, shard, cell);
  }
  Shard again = fresh();
  if (!waybill::ledger::apply_parts(waybill::ledger::part_bytes(1000, entries), again)) std::abort();
  // Consumers beyond those in the cell count only where the journal knows of them.
  if (texts_of(shard) != texts_of(again)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (size > 1 << 16) return 0;
  check_entries(bytes);
  check_entries(waybill::ledger::part_bytes(1000, bytes));
  if (auto meta = waybill::ledger::decode_meta(bytes)) {
    if (waybill::ledger::encode_meta(*meta) != bytes.substr(0, waybill::ledger::encode_meta(*meta).size()))
      std::abort();
  }
  (void)waybill::ledger::decode_names(bytes);
  return 0;
}
