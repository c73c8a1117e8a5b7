#pragma once
// The matching itself, for the messages whose hash falls into one shard.

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

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
/// An Observer is told what changes. `cell` is the state after the change; `cell.slot` names the open slot,
/// if any.
///   produced(event, cell)          a message was produced
///   consumed(event, cell)          consumed for the first time by event.consumer
///   recorded(event, early, cell)   produced after this consumer had consumed it
///   duplicated(event)              consumed by event.consumer for the second time
///   discovered(producer, first)    consumers from `first` on are new
///   opened(slot)                   a message was seen for the first time; sets what it wants in the slot
///   approaching(event)             it will be told of this event soon; changes nothing
///   touched(cell)                  this message's state has changed; may set flags
struct ShardOptions {
  bool keep_ids =
      false;  ///< never release: ids of messages are wanted that a consumer owes that is not known yet
};

class Shard {
 public:
  explicit Shard(ShardOptions options) : options_(options) {}

  /// Consumers of a producer that are known from the start; later ones are noticed.
  void expect(uint32_t producer, uint32_t consumers) { raise(producer, consumers); }

  /// That consumer owes nothing from now on, because it is no longer configured. REQUIRES: expected before.
  void excuse(uint32_t producer, uint32_t consumer);

  template <class Observer>
  void apply(std::span<const Event> events, Observer& observer) {
    constexpr size_t kAhead = 12;  // cells are asked for
    constexpr size_t kNear = 5;    // cells are there, so what they refer to is asked for
    for (size_t i = 0; i < std::min(kAhead, events.size()); ++i) table_.prefetch(events[i].tag);
    for (size_t i = 0; i < events.size(); ++i) {
      if (i + kAhead < events.size()) table_.prefetch(events[i + kAhead].tag);
      if (i + kNear < events.size()) approach(events[i + kNear], observer);
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
  /// Whether that consumer owes this producer's messages.
  bool owes(uint32_t producer, uint32_t consumer) const {
    if (consumer < Cell::kConsumersMax) return (known_[producer].mask & consumed_bit(consumer)) != 0;
    return excused_.empty() || !excused_.contains({producer, consumer});
  }
  bool complete(const Cell& cell, uint32_t producer) const {
    const Known& known = known_[producer];
    if ((cell.consumers & known.mask) != known.mask) return false;
    for (uint32_t c = Cell::kConsumersMax; c < known.count; ++c) {
      if (!has_consumed(cell, c) && owes(producer, c)) return false;
    }
    return known.count != 0;
  }
  /// Forgets the id of an open message.
  void release(Cell& cell) {
    slots_.free(cell.slot);
    cell.flags = cell.flags & ~Cell::kOpen;
    cell.slot = stamp_;
  }
  /// Gives a cell the consumers that it had when it was written down.
  void restore_wide(Cell& cell, uint32_t consumer, bool again);
  /// Whether it has consumed the message more than once.
  bool has_repeated(const Cell& cell, uint32_t consumer) const;
  /// Drops released messages that `keep(cell)` refuses.
  template <class Keep>
  void sweep(Keep keep) {
    table_.sweep([&](const Cell& cell) { return cell.has(Cell::kOpen) || keep(cell); });
    if (!wide_.empty())
      absl::erase_if(wide_, [this](const auto& entry) {
        return table_.find(entry.first.tag, entry.first.more) == nullptr;
      });
  }
  /// Lines that were left out because too many messages were open (OpenSlots::kSlotsMax).
  uint64_t overflow() const { return overflow_; }

  /// When released messages are said to have been released from now on; its lowest 27 bits are kept.
  void set_stamp(uint32_t stamp) { stamp_ = stamp & (Cell::kSlotsMax - 1); }
  uint32_t stamp() const { return stamp_; }
  /// The most consumers that any producer has.
  uint32_t consumers_max() const { return consumers_max_; }

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
    consumers_max_ = std::max(consumers_max_, consumers);
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
    slots_[cell.slot].tag = cell.tag;
    slots_[cell.slot].more = cell.more;
  }

  /// Has memory fetched that apply_one() will touch. Always inline, as all that it calls: a function that
  /// does nothing else than that has no effect in a compiler's eyes, and is left out.
  template <class Observer>
  [[gnu::always_inline]] void approach(const Event& event, const Observer& observer) const {
    if (event.produced()) return;
    if (const Cell* cell = table_.find_near(event.tag); cell && cell->has(Cell::kOpen))
      slots_.prefetch(cell->slot);
    observer.approaching(event);
  }

  template <class Observer>
  void apply_one(const Event& event, Observer& observer) {
    if (event.producer >= known_.size()) [[unlikely]]
      raise(event.producer, 0);
    Cell& cell = table_.find_or_add(event.tag, static_cast<uint16_t>(event.spread));
    const bool fresh = cell.flags == 0 && cell.consumers == 0;
    if (fresh) {
      if (slots_.full()) [[unlikely]] {
        ++overflow_;
        return;
      }
      open(cell, event);
      observer.opened(cell.slot);
    }
    if (!(event.produced() ? produce(cell, event, fresh, observer) : consume(cell, event, observer))) return;
    const bool may = !options_.keep_ids || cell.has(Cell::kOverdue);
    if (may && cell.has(Cell::kOpen) && cell.has(Cell::kProduced) && complete(cell, event.producer))
      release(cell);
    observer.touched(cell);
  }

  /// True when something changed.
  template <class Observer>
  bool produce(Cell& cell, const Event& event, bool fresh, Observer& observer) {
    if (cell.has(Cell::kProduced)) return false;
    cell.flags = cell.flags | Cell::kProduced;
    observer.produced(event, static_cast<const Cell&>(cell));
    if (!fresh && cell.has(Cell::kOpen)) record_early(cell, event, observer);
    return true;
  }

  template <class Observer>
  bool consume(Cell& cell, const Event& event, Observer& observer) {
    if (const uint32_t known = known_[event.producer].count; event.consumer >= known) [[unlikely]] {
      raise(event.producer, event.consumer + 1);
      observer.discovered(event.producer, known);
    }
    const Seen seen = note(cell, event.consumer);
    if (seen == Seen::kAgain) return false;
    if (seen == Seen::kSecond) {
      observer.duplicated(event);
      return true;
    }
    observer.consumed(event, static_cast<const Cell&>(cell));
    if (!cell.has(Cell::kProduced) && cell.has(Cell::kOpen))
      slots_.add_early(cell.slot, {event.consume_time, event.consume_time - event.produce_time,
                                   event.consumer, OpenSlots::kNone, event.origin});
    return true;
  }

  template <class Observer>
  void record_early(Cell& cell, const Event& event, Observer& observer) {
    for (uint32_t i = slots_[cell.slot].early; i != OpenSlots::kNone; i = slots_.early(i).next)
      observer.recorded(event, slots_.early(i), static_cast<const Cell&>(cell));
    slots_.drop_early(cell.slot);
  }

  ShardOptions options_;
  MessageTable table_;
  OpenSlots slots_;
  std::vector<Known> known_;                                    ///< by producer
  absl::flat_hash_map<WideKey, bool> wide_;                     ///< true: consumed again
  absl::flat_hash_set<std::pair<uint32_t, uint32_t>> excused_;  ///< (producer, consumer beyond kConsumersMax)
  uint32_t stamp_ = 0;
  uint32_t consumers_max_ = 0;
  uint64_t overflow_ = 0;
};

}  // namespace waybill::ledger
