#pragma once
// The matching itself, for the messages whose hash falls into one shard.

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "ledger/event.h"
#include "ledger/message_table.h"
#include "ledger/open_slots.h"

namespace waybill::ledger {

/// Matches the events of one shard, in the order in which they are given. A message is known by its producer
/// and id. Its producer's lines count once however often they come; so do the lines of each consumer, and the
/// second one makes the message a duplicate of that consumer, once. A message is released when it is produced
/// and each consumer of its producer that is known so far has consumed it: its id is forgotten, its cell
/// still recognises duplicates.
///
/// Not thread-safe. Memory: 20 to 40 bytes per message, 64 more while it is open.
///
/// An Observer is told what changes:
///   produced(event)                a message was produced
///   consumed(event, matched)       consumed for the first time; `matched`: and it was produced
///   recorded(event, early)         produced after this consumer had consumed it: matched now
///   duplicated(event)              consumed by this consumer for the second time
struct ShardOptions {
  bool keep_ids =
      false;  ///< never release: ids of messages are wanted that a consumer owes that is not known yet
};

class Shard {
 public:
  explicit Shard(ShardOptions options) : options_(options) {}

  /// Consumers of a producer that are known from the start; later ones are noticed.
  void expect(uint32_t producer, uint32_t consumers) { raise(producer, consumers); }

  template <class Observer>
  void apply(std::span<const Event> events, Observer& observer) {
    constexpr size_t kAhead = 12;
    for (size_t i = 0; i < std::min(kAhead, events.size()); ++i) table_.prefetch(events[i].tag);
    for (size_t i = 0; i < events.size(); ++i) {
      if (i + kAhead < events.size()) table_.prefetch(events[i + kAhead].tag);
      apply_one(events[i], observer);
    }
  }

  const MessageTable& table() const { return table_; }
  MessageTable& table() { return table_; }
  const OpenSlots& slots() const { return slots_; }
  OpenSlots& slots() { return slots_; }
  uint32_t consumers_known(uint32_t producer) const {
    return producer < known_.size() ? known_[producer].count : 0;
  }

  static constexpr uint16_t consumed_bit(uint32_t consumer) {
    return static_cast<uint16_t>(1u << (2 * consumer));
  }
  /// Whether that consumer has consumed the message, in cells and beyond.
  bool has_consumed(const Cell& cell, uint32_t consumer) const {
    if (consumer < Cell::kConsumersMax) return (cell.consumers & consumed_bit(consumer)) != 0;
    return cell.has(Cell::kWide) && wide_.contains({cell.tag, cell.more, consumer});
  }
  bool complete(const Cell& cell, uint32_t producer) const {
    const Known& known = known_[producer];
    if ((cell.consumers & known.mask) != known.mask) return false;
    for (uint32_t c = Cell::kConsumersMax; c < known.count; ++c) {
      if (!has_consumed(cell, c)) return false;
    }
    return known.count != 0;
  }
  /// When released messages are said to have been released from now on: any count, below Cell::kSlotsMax.
  void set_stamp(uint32_t stamp) { stamp_ = stamp; }

 private:
  struct Known {
    uint32_t count = 0;
    uint16_t mask = 0;  ///< consumed_bit() of each, up to Cell::kConsumersMax
  };
  struct WideKey {
    uint64_t tag;
    uint16_t more;
    uint32_t consumer;
    bool operator==(const WideKey&) const = default;
    template <class H>
    friend H AbslHashValue(H h, const WideKey& k) {
      return H::combine(std::move(h), k.tag, k.more, k.consumer);
    }
  };
  enum class Seen : uint8_t { kFirst, kSecond, kAgain };

  void raise(uint32_t producer, uint32_t consumers) {
    if (producer >= known_.size()) known_.resize(producer + size_t{1});
    Known& known = known_[producer];
    for (; known.count < consumers; ++known.count) {
      if (known.count < Cell::kConsumersMax) known.mask |= consumed_bit(known.count);
    }
  }

  /// Notes a consumption and says whether it is the first.
  Seen note(Cell& cell, uint32_t consumer) {
    if (consumer >= Cell::kConsumersMax) [[unlikely]]
      return note_wide(cell, consumer);
    const uint32_t bits = (cell.consumers >> (2 * consumer)) & 3;
    cell.consumers |= static_cast<uint16_t>((bits == 0 ? 1u : 3u) << (2 * consumer));
    return bits == 0 ? Seen::kFirst : bits == 1 ? Seen::kSecond : Seen::kAgain;
  }
  Seen note_wide(Cell& cell, uint32_t consumer);

  void open(Cell& cell, const Event& event) {
    cell.slot = slots_.add(event.producer, event.produce_time, event.uid_text());
    cell.flags = cell.flags | Cell::kOpen;
  }
  void release(Cell& cell) {
    slots_.free(cell.slot);
    cell.flags = cell.flags & ~Cell::kOpen;
    cell.slot = stamp_;
  }

  template <class Observer>
  void apply_one(const Event& event, Observer& observer) {
    if (event.producer >= known_.size()) [[unlikely]]
      raise(event.producer, 0);
    Cell& cell = table_.find_or_add(event.tag, static_cast<uint16_t>(event.spread));
    const bool fresh = cell.flags == 0 && cell.consumers == 0;
    if (fresh) open(cell, event);
    if (event.produced()) {
      if (cell.has(Cell::kProduced)) return;
      cell.flags = cell.flags | Cell::kProduced;
      observer.produced(event);
      if (!fresh) record_early(cell, event, observer);
    } else {
      if (event.consumer >= known_[event.producer].count) [[unlikely]]
        raise(event.producer, event.consumer + 1);
      const Seen seen = note(cell, event.consumer);
      if (seen == Seen::kAgain) return;
      if (seen == Seen::kSecond) {
        observer.duplicated(event);
      } else {
        observer.consumed(event, cell.has(Cell::kProduced));
        if (!cell.has(Cell::kProduced))
          slots_.add_early(cell.slot,
                           {event.consume_time, event.consume_time - event.produce_time, event.consumer});
      }
    }
    if (cell.has(Cell::kOpen) && cell.has(Cell::kProduced) && !options_.keep_ids &&
        complete(cell, event.producer))
      release(cell);
  }

  template <class Observer>
  void record_early(Cell& cell, const Event& event, Observer& observer) {
    for (uint32_t i = slots_[cell.slot].early; i != OpenSlots::kNone; i = slots_.early(i).next)
      observer.recorded(event, slots_.early(i));
    slots_.drop_early(cell.slot);
  }

  ShardOptions options_;
  MessageTable table_;
  OpenSlots slots_;
  std::vector<Known> known_;                 ///< by producer
  absl::flat_hash_map<WideKey, bool> wide_;  ///< true: consumed again
  uint32_t stamp_ = 0;
};

}  // namespace waybill::ledger
