#include "ledger/open_slots.h"

namespace waybill::ledger {

uint32_t OpenSlots::add(uint32_t producer, int64_t produce_time, std::string_view uid) {
  uint32_t index;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else {
    index = static_cast<uint32_t>(used_++);
    if (index % kChunk == 0) chunks_.push_back(std::make_unique<Slot[]>(kChunk));
  }
  Slot& slot = (*this)[index];
  slot.produce_time = produce_time;
  slot.producer = producer;
  slot.early = kNone;
  slot.opened_s = 0;
  slot.origin = 0;
  slot.written = false;
  slot.uid_size = uid.size() <= kInlineBytes ? static_cast<uint8_t>(uid.size()) : kLong;
  if (slot.uid_size != kLong) {
    std::memcpy(slot.uid.data(), uid.data(), uid.size());
  } else {
    long_uids_.emplace(index, uid);
  }
  return index;
}

void OpenSlots::free(uint32_t index) {
  Slot& slot = (*this)[index];
  if (slot.early != kNone) drop_early(index);
  if (slot.uid_size == kLong) long_uids_.erase(index);
  ++slot.generation;
  free_.push_back(index);
}

void OpenSlots::add_early(uint32_t index, const Early& early) {
  uint32_t at;
  if (!free_early_.empty()) {
    at = free_early_.back();
    free_early_.pop_back();
  } else {
    at = static_cast<uint32_t>(early_.size());
    early_.emplace_back();
  }
  early_[at] = early;
  early_[at].next = (*this)[index].early;
  (*this)[index].early = at;
}

void OpenSlots::drop_early(uint32_t index) {
  Slot& slot = (*this)[index];
  while (slot.early != kNone) {
    free_early_.push_back(slot.early);
    slot.early = early_[slot.early].next;
  }
}

std::string_view OpenSlots::uid(uint32_t index) const {
  const Slot& slot = (*this)[index];
  if (slot.uid_size == kLong) return long_uids_.at(index);
  return {slot.uid.data(), slot.uid_size};
}

}  // namespace waybill::ledger
