#pragma once
// A compact open-addressing table: one cell of 16 bytes per message, open or released.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/huge_pages.h"

namespace waybill::ledger {

/// What is known of a message. It is named by 80 bits of its hash: among 10^9 messages the chance that any
/// two are taken for one is below one in a million. Of each of the first kConsumersMax consumers of its
/// producer there are two bits: consumed, and consumed again; later ones are kept elsewhere (Shard).
struct Cell {
  static constexpr uint32_t kConsumersMax = 8;
  static constexpr uint32_t kProduced = 1;  ///< the producer's line was seen
  static constexpr uint32_t kOpen =
      2;  ///< `slot` is where its id is kept; else `slot` is when it was released
  static constexpr uint32_t kOverdue = 4;  ///< its deadline has passed and what is missing was told
  static constexpr uint32_t kWide = 8;     ///< a consumer beyond kConsumersMax has consumed it
  static constexpr uint32_t kDirty = 16;   ///< changed since it was last written down
  static constexpr uint32_t kSlotsMax = 1u << 27;

  uint64_t tag = 0;  ///< 0: no message
  uint16_t more = 0;
  uint16_t consumers = 0;
  uint32_t flags : 5 = 0;
  uint32_t slot : 27 = 0;
  bool has(uint32_t flag) const { return (flags & flag) != 0; }
};
static_assert(sizeof(Cell) == 16);

/// Linear probing over a power of two of cells. Grows at 4/5 full. Not thread-safe. Memory: 16 bytes for 1.25
/// to 2.5 cells per message; while it grows, the old cells too.
class MessageTable {
 public:
  MessageTable() : cells_(kCellsMin), mask_(kCellsMin - 1) {}

  [[gnu::always_inline]] void prefetch(uint64_t tag) const { __builtin_prefetch(&cells_[tag & mask_], 1); }

  /// A message's cell where it is one of the first three that a search looks at; else nullptr.
  [[gnu::always_inline]] const Cell* find_near(uint64_t tag) const {
    for (size_t i = 0; i < 3; ++i) {
      const Cell& cell = cells_[(tag + i) & mask_];
      if (cell.tag == tag) return &cell;
    }
    return nullptr;
  }

  /// The message's cell, made if there is none (its name is set, the rest is 0). Valid until the next call.
  Cell& find_or_add(uint64_t tag, uint16_t more) {
    for (size_t at = tag & mask_;; at = (at + 1) & mask_) {
      Cell& cell = cells_[at];
      if (cell.tag == tag && cell.more == more) return cell;
      if (cell.tag == 0) return add(tag, more, at);
    }
  }

  /// nullptr when there is none. Valid until the next find_or_add() or sweep().
  Cell* find(uint64_t tag, uint16_t more) {
    for (size_t at = tag & mask_;; at = (at + 1) & mask_) {
      if (cells_[at].tag == tag && cells_[at].more == more) return &cells_[at];
      if (cells_[at].tag == 0) return nullptr;
    }
  }

  size_t size() const { return size_; }
  /// In no order.
  template <class Fn>
  void for_each(Fn fn) const {
    for (const Cell& cell : cells_) {
      if (cell.tag != 0) fn(cell);
    }
  }
  /// Keeps the messages that `keep(cell)` accepts.
  template <class Keep>
  void sweep(Keep keep) {
    auto old = std::move(cells_);
    size_t kept = 0;
    for (Cell& cell : old) {
      if (cell.tag != 0 && !keep(static_cast<const Cell&>(cell))) cell.tag = 0;
      kept += cell.tag != 0;
    }
    place(old, kept);
  }

 private:
  static constexpr size_t kCellsMin = 1024;

  Cell& add(uint64_t tag, uint16_t more, size_t at);
  /// Puts the `count` cells of `old` into a new array that they fill by 2/5 at most.
  void place(const std::vector<Cell, HugePages<Cell>>& old, size_t count);

  std::vector<Cell, HugePages<Cell>> cells_;
  size_t mask_;
  size_t size_ = 0;
};

}  // namespace waybill::ledger
