#include "ledger/journal.h"

#include <array>
#include <vector>

#include "base/bytes.h"
#include "ledger/format.h"

namespace waybill::ledger {
namespace {

/// The message is open, and its id is in an earlier entry; nobody consumed it before it was produced.
constexpr uint8_t kAsBefore = 32;
/// The id is followed by where the lines were logged: the producer's, then those of the early consumers.
constexpr uint8_t kWithOrigins = 64;
constexpr size_t kEntryBytes = 13;
constexpr uint8_t kKept = Cell::kProduced | Cell::kOpen | Cell::kOverdue | Cell::kWide;

void append_slot(std::string& out, const Shard& shard, const Cell& cell) {
  const OpenSlots& slots = shard.slots();
  const OpenSlots::Slot& slot = slots[cell.slot];
  append_varint(out, slot.producer);
  append_varint(out, static_cast<uint64_t>(slot.produce_time));
  append_fixed(out, slot.opened_s, 4);
  const std::string_view uid = slots.uid(cell.slot);
  append_varint(out, uid.size());
  out += uid;
  uint64_t count = 0;
  for (uint32_t i = slot.early; i != OpenSlots::kNone; i = slots.early(i).next) ++count;
  append_varint(out, count);
  for (uint32_t i = slot.early; i != OpenSlots::kNone; i = slots.early(i).next) {
    append_varint(out, slots.early(i).consumer);
    append_varint(out, static_cast<uint64_t>(slots.early(i).consume_time));
    append_zigzag(out, slots.early(i).latency_ms);
  }
}

bool has_origins(const Shard& shard, const Cell& cell) {
  const OpenSlots& slots = shard.slots();
  bool any = slots[cell.slot].origin != 0;
  for (uint32_t i = slots[cell.slot].early; i != OpenSlots::kNone; i = slots.early(i).next)
    any = any || slots.early(i).origin != 0;
  return any;
}

void append_origins(std::string& out, const Shard& shard, const Cell& cell) {
  const OpenSlots& slots = shard.slots();
  append_fixed(out, slots[cell.slot].origin, 2);
  for (uint32_t i = slots[cell.slot].early; i != OpenSlots::kNone; i = slots.early(i).next)
    append_fixed(out, slots.early(i).origin, 2);
}

void append_wide(std::string& out, const Shard& shard, const Cell& cell) {
  const size_t at = out.size();
  uint32_t count = 0;
  append_fixed(out, 0, 4);
  for (uint32_t c = Cell::kConsumersMax; c < shard.consumers_max(); ++c) {
    if (!shard.has_consumed(cell, c)) continue;
    append_varint(out, c * uint64_t{2} + shard.has_repeated(cell, c));
    ++count;
  }
  for (int i = 0; i < 4; ++i) out[at + static_cast<size_t>(i)] = static_cast<char>(count >> (8 * i));
}

bool read_slot(ByteReader& in, Shard& shard, Cell& cell, bool with_origins) {
  const uint64_t producer = in.u64();
  const auto produce_time = static_cast<int64_t>(in.u64());
  const auto opened = static_cast<uint32_t>(in.fixed(4));
  const uint64_t size = in.u64();
  if (size > kUidBytesMax || producer >= UINT32_MAX || shard.slots().full()) return false;
  const std::string_view uid = in.raw(size);
  const uint64_t count = in.u64();
  if (!in.ok()) return false;
  OpenSlots& slots = shard.slots();
  cell.slot = slots.add(static_cast<uint32_t>(producer), produce_time, uid);
  cell.flags = cell.flags | Cell::kOpen;
  slots[cell.slot].tag = cell.tag;
  slots[cell.slot].more = cell.more;
  slots[cell.slot].opened_s = opened;
  slots[cell.slot].written = true;
  std::vector<OpenSlots::Early> list;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    OpenSlots::Early& early = list.emplace_back();
    early.consumer = static_cast<uint32_t>(in.u64());
    early.consume_time = static_cast<int64_t>(in.u64());
    early.latency_ms = in.i64();
  }
  if (with_origins) {
    slots[cell.slot].origin = static_cast<uint16_t>(in.fixed(2));
    for (OpenSlots::Early& early : list) early.origin = static_cast<uint16_t>(in.fixed(2));
  }
  if (in.ok()) {
    for (const OpenSlots::Early& early : list) slots.add_early(cell.slot, early);
  }
  return in.ok();
}

}  // namespace

void append_entry(std::string& out, Shard& shard, const Cell& cell) {
  const bool open = cell.has(Cell::kOpen);
  const bool as_before =
      open && shard.slots()[cell.slot].written && shard.slots()[cell.slot].early == OpenSlots::kNone;
  std::array<char, kEntryBytes> entry;
  const bool with_origins = open && !as_before && has_origins(shard, cell);
  entry[0] = static_cast<char>((cell.flags & kKept) | (as_before ? kAsBefore : 0) |
                               (with_origins ? kWithOrigins : 0));
  for (size_t i = 0; i < 8; ++i) entry[1 + i] = static_cast<char>(cell.tag >> (8 * i));
  for (size_t i = 0; i < 2; ++i) entry[9 + i] = static_cast<char>(cell.more >> (8 * i));
  for (size_t i = 0; i < 2; ++i) entry[11 + i] = static_cast<char>(cell.consumers >> (8 * i));
  out.append(entry.data(), entry.size());
  if (cell.has(Cell::kWide)) append_wide(out, shard, cell);
  if (!open || as_before) return;
  append_slot(out, shard, cell);
  if (with_origins) append_origins(out, shard, cell);
  shard.slots()[cell.slot].written = true;
}

Result<void> apply_entries(std::string_view bytes, Shard& shard) {
  ByteReader in(bytes);
  while (!in.at_end()) {
    const auto flags = static_cast<uint8_t>(in.fixed(1));
    const auto tag = in.fixed(8);
    const auto more = static_cast<uint16_t>(in.fixed(2));
    const auto consumers = static_cast<uint16_t>(in.fixed(2));
    if (!in.ok()) return fail(Errc::kTruncated, "ledger state: an entry ends early");
    if (tag == 0 || (flags & ~(kKept | kAsBefore | kWithOrigins)) != 0)
      return fail(Errc::kCorrupt, "ledger state: an entry that nothing writes");
    Cell& cell = shard.table().find_or_add(tag, more);
    // Without an earlier entry, that one's slice was older than the horizon: the message is final.
    const bool as_before = (flags & kAsBefore) != 0;
    if (cell.has(Cell::kOpen) && !as_before) shard.release(cell);
    const bool still_open = cell.has(Cell::kOpen);
    if (still_open) shard.slots().drop_early(cell.slot);
    cell.flags = (flags & kKept & ~Cell::kOpen) | (still_open ? Cell::kOpen : 0);
    cell.consumers = consumers;
    if (!still_open) cell.slot = shard.stamp();
    if ((flags & Cell::kWide) != 0) {
      const auto count = static_cast<uint32_t>(in.fixed(4));
      for (uint32_t i = 0; i < count && in.ok(); ++i) {
        const uint64_t consumer = in.u64();
        shard.restore_wide(cell, static_cast<uint32_t>(consumer >> 1), consumer & 1);
      }
    }
    if ((flags & Cell::kOpen) != 0 && !as_before && !read_slot(in, shard, cell, (flags & kWithOrigins) != 0))
      return fail(Errc::kCorrupt, "ledger state: a message is cut off");
  }
  return in.ok() ? Result<void>() : fail(Errc::kTruncated, "ledger state: an entry ends early");
}

}  // namespace waybill::ledger
