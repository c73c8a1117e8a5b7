#pragma once
// What is kept of a message only while it is open: its id, its time, and who consumed it before it was
// produced.

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/message_table.h"

namespace waybill::ledger {

/// A pool of 72-byte slots that are used again, last freed first. Ids above kInlineBytes are kept apart. Not
/// thread-safe. Memory: the most slots that were open at once.
class OpenSlots {
 public:
  static constexpr size_t kInlineBytes = 37;
  static constexpr uint8_t kLong = 255;
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kSlotsMax = Cell::kSlotsMax;

  struct Slot {
    uint64_t tag = 0;          ///< with `more`, the message that it belongs to
    int64_t produce_time = 0;  ///< of the first line that was seen
    uint32_t producer = 0;
    uint32_t early = kNone;  ///< consumed before produced: the newest of a list of Early
    uint32_t opened_s =
        0;  ///< when the first line came, seconds since 1970 of the stream's time; 0 in finite inputs
    uint16_t more = 0;
    uint16_t origin = 0;     ///< of the producer's line (Event::origin)
    uint8_t generation = 0;  ///< grows when the slot is freed
    uint8_t uid_size = 0;    ///< kLong: kept apart
    bool written = false;    ///< its id is in the journal
    std::array<char, kInlineBytes> uid{};
  };
  struct Early {
    int64_t consume_time = 0;
    int64_t latency_ms = 0;
    uint32_t consumer = 0;
    uint32_t next = kNone;
    uint16_t origin = 0;  ///< Event::origin
  };

  /// REQUIRES: !full().
  uint32_t add(uint32_t producer, int64_t produce_time, std::string_view uid);
  bool full() const { return free_.empty() && used_ == kSlotsMax; }
  void free(uint32_t slot);
  void add_early(uint32_t slot, const Early& early);
  void drop_early(uint32_t slot);

  Slot& operator[](uint32_t slot) { return chunks_[slot / kChunk][slot % kChunk]; }
  const Slot& operator[](uint32_t slot) const { return chunks_[slot / kChunk][slot % kChunk]; }
  [[gnu::always_inline]] void prefetch(uint32_t slot) const { __builtin_prefetch(&(*this)[slot].early, 1); }
  const Early& early(uint32_t index) const { return early_[index]; }
  std::string_view uid(uint32_t slot) const;
  size_t open() const { return used_ - free_.size(); }

 private:
  static constexpr size_t kChunk = 1024;
  std::vector<std::unique_ptr<Slot[]>> chunks_;
  std::vector<uint32_t> free_;
  size_t used_ = 0;
  absl::flat_hash_map<uint32_t, std::string> long_uids_;
  std::vector<Early> early_;
  std::vector<uint32_t> free_early_;
};

}  // namespace waybill::ledger
