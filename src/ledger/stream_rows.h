#pragma once
// Gathers what a stream's ledger has to say until the next commit.

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/rows.h"
#include "ledger/line_reader.h"
#include "ledger/roster.h"
#include "ledger/totals.h"
#include "tally/latency_sketch.h"

namespace waybill::ledger {

/// Rows as deltas. Not thread-safe. Memory: one entry per bucket and pair that changed since the last flush.
class StreamRows {
 public:
  /// `consumer` of a producer's own row.
  static constexpr uint32_t kProducer = UINT32_MAX;
  struct Delta {
    int64_t produced = 0;
    int64_t consumed = 0;
    int64_t duplicated = 0;
    int64_t unconsumed = 0;
    int64_t unrecorded = 0;
    tally::LatencySketch latency{};
  };

  StreamRows(std::string ledger, std::string part, int64_t bucket_ms)
      : ledger_(std::move(ledger)), part_(std::move(part)), bucket_ms_(bucket_ms) {}

  /// The deltas of a message's bucket.
  Delta& at(int64_t produce_time, uint32_t producer, uint32_t consumer) {
    const int64_t start = produce_time - produce_time % bucket_ms_;
    if (last_ && last_key_ == Key{start, producer, consumer}) return *last_;
    last_key_ = {start, producer, consumer};
    last_ = &deltas_[last_key_];
    return *last_;
  }
  /// Writes or takes back an exception.
  void tell(const Exception& exception, const Roster& roster) {
    change(exception, roster, flow::RowChange::Op::kUpsert);
  }
  void take_back(const Exception& exception, const Roster& roster) {
    change(exception, roster, flow::RowChange::Op::kErase);
  }
  void malformed(std::string place, const MalformedLine& line, int64_t time_ms);
  void lines(const LineCounts& counts, int64_t overflow);
  /// Moves everything out.
  void flush(const Roster& roster, flow::Rows& rows);
  size_t bytes() const { return deltas_.size() * 400 + rows_.size() * 200; }

 private:
  struct Key {
    int64_t start = 0;
    uint32_t producer = 0;
    uint32_t consumer = 0;
    bool operator==(const Key&) const = default;
    template <class H>
    friend H AbslHashValue(H h, const Key& k) {
      return H::combine(std::move(h), k.start, k.producer, k.consumer);
    }
  };
  void change(const Exception& exception, const Roster& roster, flow::RowChange::Op op);

  std::string ledger_;
  std::string part_;
  int64_t bucket_ms_;
  absl::flat_hash_map<Key, Delta> deltas_;
  Key last_key_{};
  Delta* last_ = nullptr;
  flow::Rows rows_;
  LineCounts counts_{};
  int64_t overflow_ = 0;
};

}  // namespace waybill::ledger
