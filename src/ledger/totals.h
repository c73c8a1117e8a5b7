#pragma once
// Figures of a ledger over a finite input, and the messages behind them.

#include <cstdint>
#include <string>
#include <vector>

#include "ledger/shard.h"
#include "tally/latency_sketch.h"

namespace waybill::ledger {

struct ConsumerTotals {
  uint64_t consumed = 0;           ///< messages, each once
  uint64_t matched = 0;            ///< of these, produced
  uint64_t duplicated = 0;         ///< messages consumed more than once
  tally::LatencySketch latency{};  ///< of first consumptions
  uint64_t unrecorded() const { return consumed - matched; }
};

struct ProducerTotals {
  uint64_t produced = 0;
  std::vector<ConsumerTotals>
      consumers{};  ///< by the numbers of the Roster; those that never appeared may be absent
};

struct Exception {
  enum class Kind : uint8_t { kUnconsumed, kDuplicated, kUnrecorded };
  Kind kind = Kind::kUnconsumed;
  uint32_t producer = 0;
  uint32_t consumer = 0;
  std::string uid;
  int64_t produce_time = 0;
  int64_t consume_time = -1;  ///< -1: none
};

/// The Observer of finite inputs; one per shard, merged at the end.
class Totals {
 public:
  /// `list_duplicates`: keep them as Exceptions, each with its second consumption.
  struct Options {
    bool list_duplicates = false;
  };
  explicit Totals(Options options) : options_(options) {}

  void produced(const Event& event, const Cell&) { ++producer(event.producer).produced; }
  void consumed(const Event& event, const Cell& cell) {
    ConsumerTotals& totals = consumer(event.producer, event.consumer);
    ++totals.consumed;
    totals.matched += cell.has(Cell::kProduced);
    totals.latency.add(event.consume_time - event.produce_time);
  }
  void recorded(const Event& event, const OpenSlots::Early& early, const Cell&) {
    ++consumer(event.producer, early.consumer).matched;
  }
  void duplicated(const Event& event) {
    ++consumer(event.producer, event.consumer).duplicated;
    if (options_.list_duplicates)
      duplicates_.push_back({Exception::Kind::kDuplicated, event.producer, event.consumer,
                             std::string(event.uid_text()), event.produce_time, event.consume_time});
  }

  [[gnu::always_inline]] void approaching(const Event& event) const {
    if (event.producer >= producers_.size()) return;
    const std::vector<ConsumerTotals>& consumers = producers_[event.producer].consumers;
    if (event.consumer < consumers.size())
      consumers[event.consumer].latency.prefetch(event.consume_time - event.produce_time);
  }
  void discovered(uint32_t, uint32_t) {}
  void opened(uint32_t) {}
  void touched(const Cell&) {}

  void merge(const Totals& other);
  const std::vector<ProducerTotals>& producers() const { return producers_; }
  const std::vector<Exception>& duplicates() const { return duplicates_; }

 private:
  ProducerTotals& producer(uint32_t number) {
    if (number >= producers_.size()) [[unlikely]]
      producers_.resize(number + size_t{1});
    return producers_[number];
  }
  ConsumerTotals& consumer(uint32_t number, uint32_t at) {
    std::vector<ConsumerTotals>& consumers = producer(number).consumers;
    if (at >= consumers.size()) [[unlikely]]
      consumers.resize(at + size_t{1});
    return consumers[at];
  }

  Options options_;
  std::vector<ProducerTotals> producers_;
  std::vector<Exception> duplicates_;
};

/// Calls fn(Exception) for each open message of the shard that a consumer has not consumed; `owed(producer)`:
/// how many consumers each of its messages is owed by. Of messages that were released nothing is known here
/// (ShardOptions::keep_ids).
template <class Owed, class Fn>
void for_each_unconsumed(const Shard& shard, Owed owed, Fn fn) {
  shard.table().for_each([&](const Cell& cell) {
    if (!cell.has(Cell::kOpen) || !cell.has(Cell::kProduced)) return;
    const OpenSlots::Slot& slot = shard.slots()[cell.slot];
    for (uint32_t c = 0; c < owed(slot.producer); ++c) {
      if (shard.has_consumed(cell, c)) continue;
      fn(Exception{Exception::Kind::kUnconsumed, slot.producer, c, std::string(shard.slots().uid(cell.slot)),
                   slot.produce_time});
    }
  });
}

/// Calls fn(Exception) for each consumption without a producer's line.
template <class Fn>
void for_each_unrecorded(const Shard& shard, Fn fn) {
  shard.table().for_each([&](const Cell& cell) {
    if (!cell.has(Cell::kOpen) || cell.has(Cell::kProduced)) return;
    const OpenSlots::Slot& slot = shard.slots()[cell.slot];
    for (uint32_t i = slot.early; i != OpenSlots::kNone; i = shard.slots().early(i).next) {
      const OpenSlots::Early& early = shard.slots().early(i);
      fn(Exception{Exception::Kind::kUnrecorded, slot.producer, early.consumer,
                   std::string(shard.slots().uid(cell.slot)), early.consume_time - early.latency_ms,
                   early.consume_time});
    }
  });
}

}  // namespace waybill::ledger
