#include "ledger/message_table.h"

namespace waybill::ledger {

Cell& MessageTable::add(uint64_t tag, uint16_t more, size_t at) {
  if ((size_ + 1) * 5 > cells_.size() * 4) [[unlikely]] {
    const std::vector<Cell, HugePages<Cell>> old = std::move(cells_);
    place(old, size_);
    return find_or_add(tag, more);
  }
  ++size_;
  cells_[at].tag = tag;
  cells_[at].more = more;
  return cells_[at];
}

void MessageTable::place(const std::vector<Cell, HugePages<Cell>>& old, size_t count) {
  size_t size = kCellsMin;
  while (size * 2 < count * 5) size *= 2;  // at most 2/5 full: a doubling when it was 4/5 full
  cells_.assign(size, Cell{});
  mask_ = size - 1;
  size_ = 0;
  for (const Cell& cell : old) {
    if (cell.tag == 0) continue;
    size_t at = cell.tag & mask_;
    while (cells_[at].tag != 0) at = (at + 1) & mask_;
    cells_[at] = cell;
    ++size_;
  }
}

}  // namespace waybill::ledger
