#include "ledger/journal.h"

#include <array>

#include "ledger/format.h"

namespace waybill::ledger {
namespace {

/// The message is open, and its id is in an earlier entry; nobody consumed it before it was produced.
constexpr uint8_t kAsBefore = 32;
constexpr size_t kEntryBytes = 13;
constexpr uint8_t kKept = Cell::kProduced | Cell::kOpen | Cell::kOverdue | Cell::kWide;

template <class Int>
void put(std::string& out, Int value) {
  for (size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

/// Reads; after the end everything is 0 and ok() false.
class In {
 public:
  explicit In(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  bool done() const { return bytes_.empty() || !ok_; }

  template <class Int>
  Int take() {
    const std::string_view raw = take_bytes(sizeof(Int));
    uint64_t value = 0;
    for (size_t i = 0; i < raw.size(); ++i) value |= uint64_t{static_cast<unsigned char>(raw[i])} << (8 * i);
    return static_cast<Int>(value);
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = take<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }
  std::string_view take_bytes(size_t size) {
    if (size > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

void append_slot(std::string& out, const Shard& shard, const Cell& cell) {
  const OpenSlots& slots = shard.slots();
  const OpenSlots::Slot& slot = slots[cell.slot];
  put_varint(out, slot.producer);
  put_varint(out, static_cast<uint64_t>(slot.produce_time));
  put<uint32_t>(out, slot.opened_s);
  const std::string_view uid = slots.uid(cell.slot);
  put_varint(out, uid.size());
  out += uid;
  uint64_t count = 0;
  for (uint32_t i = slot.early; i != OpenSlots::kNone; i = slots.early(i).next) ++count;
  put_varint(out, count);
  for (uint32_t i = slot.early; i != OpenSlots::kNone; i = slots.early(i).next) {
    put_varint(out, slots.early(i).consumer);
    put_varint(out, static_cast<uint64_t>(slots.early(i).consume_time));
    put_varint(out, zigzag(slots.early(i).latency_ms));
  }
}

void append_wide(std::string& out, const Shard& shard, const Cell& cell) {
  const size_t at = out.size();
  uint32_t count = 0;
  put<uint32_t>(out, 0);
  for (uint32_t c = Cell::kConsumersMax; c < shard.consumers_max(); ++c) {
    if (!shard.has_consumed(cell, c)) continue;
    put_varint(out, c * uint64_t{2} + shard.has_repeated(cell, c));
    ++count;
  }
  for (int i = 0; i < 4; ++i) out[at + static_cast<size_t>(i)] = static_cast<char>(count >> (8 * i));
}

bool read_slot(In& in, Shard& shard, Cell& cell) {
  const uint64_t producer = in.varint();
  const auto produce_time = static_cast<int64_t>(in.varint());
  const auto opened = in.take<uint32_t>();
  const uint64_t size = in.varint();
  if (size > kUidBytesMax || producer >= UINT32_MAX || shard.slots().full()) return false;
  const std::string_view uid = in.take_bytes(size);
  const uint64_t count = in.varint();
  if (!in.ok()) return false;
  OpenSlots& slots = shard.slots();
  cell.slot = slots.add(static_cast<uint32_t>(producer), produce_time, uid);
  cell.flags = cell.flags | Cell::kOpen;
  slots[cell.slot].tag = cell.tag;
  slots[cell.slot].more = cell.more;
  slots[cell.slot].opened_s = opened;
  slots[cell.slot].written = true;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    OpenSlots::Early early;
    early.consumer = static_cast<uint32_t>(in.varint());
    early.consume_time = static_cast<int64_t>(in.varint());
    early.latency_ms = unzigzag(in.varint());
    if (in.ok()) slots.add_early(cell.slot, early);
  }
  return in.ok();
}

}  // namespace

void append_entry(std::string& out, Shard& shard, const Cell& cell) {
  const bool open = cell.has(Cell::kOpen);
  const bool as_before =
      open && shard.slots()[cell.slot].written && shard.slots()[cell.slot].early == OpenSlots::kNone;
  std::array<char, kEntryBytes> entry;
  entry[0] = static_cast<char>((cell.flags & kKept) | (as_before ? kAsBefore : 0));
  for (size_t i = 0; i < 8; ++i) entry[1 + i] = static_cast<char>(cell.tag >> (8 * i));
  for (size_t i = 0; i < 2; ++i) entry[9 + i] = static_cast<char>(cell.more >> (8 * i));
  for (size_t i = 0; i < 2; ++i) entry[11 + i] = static_cast<char>(cell.consumers >> (8 * i));
  out.append(entry.data(), entry.size());
  if (cell.has(Cell::kWide)) append_wide(out, shard, cell);
  if (!open || as_before) return;
  append_slot(out, shard, cell);
  shard.slots()[cell.slot].written = true;
}

Result<void> apply_entries(std::string_view bytes, Shard& shard) {
  In in(bytes);
  while (!in.done()) {
    const auto flags = in.take<uint8_t>();
    const auto tag = in.take<uint64_t>();
    const auto more = in.take<uint16_t>();
    const auto consumers = in.take<uint16_t>();
    if (!in.ok()) return fail(Errc::kTruncated, "ledger state: an entry ends early");
    if (tag == 0 || (flags & ~(kKept | kAsBefore)) != 0)
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
      const auto count = in.take<uint32_t>();
      for (uint32_t i = 0; i < count && in.ok(); ++i) {
        const uint64_t consumer = in.varint();
        shard.restore_wide(cell, static_cast<uint32_t>(consumer >> 1), consumer & 1);
      }
    }
    if ((flags & Cell::kOpen) != 0 && !as_before && !read_slot(in, shard, cell))
      return fail(Errc::kCorrupt, "ledger state: a message is cut off");
  }
  return in.ok() ? Result<void>() : fail(Errc::kTruncated, "ledger state: an entry ends early");
}

}  // namespace waybill::ledger
