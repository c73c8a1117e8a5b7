#pragma once
// Counting in one partition (or, for failures, in none): the hot part of the Recorder.

#include <atomic>
#include <cstdint>
#include <vector>

#include "client/limits.h"
#include "client/spin_lock.h"
#include "tally/bucket.h"
#include "tally/report.h"

namespace waybill::client {

/// One message as a client sees it. `time_ms`: epoch ms, negative when the message has none.
struct Message {
  Offset offset;
  int64_t time_ms = -1;
  tally::TimeTypeBit time_type = tally::kCreateTime;
  uint64_t bytes = 0;  ///< key + value
};

/// Consecutive offsets of one bucket and one session, in the order of arrival. `bucket` indexes
/// Accumulation::buckets.
struct Run {
  OffsetRange range;
  uint32_t bucket = 0;
  uint32_t session = 0;
  bool below = false;  ///< handed out below an offset that this session was handed before
};

/// Messages within one wall-clock minute.
struct Minute {
  int64_t minute_ms = 0;
  uint64_t count = 0;
  uint64_t bytes = 0;
};

/// What one partition gathered since the last drain. Buffers are re-used, so steady work does not allocate.
struct Accumulation {
  std::vector<tally::Bucket> buckets;  ///< the first `used` are in use
  size_t used = 0;
  std::vector<Run> runs;
  std::vector<Minute> minutes;
  uint64_t dropped_coverage = 0;

  bool empty() const { return used == 0 && dropped_coverage == 0; }
  void reset();
};

/// What all partitions of a recorder share.
struct Shared {
  Shared(int64_t width, const Limits& bounds) : bucket_ms(width), limits(bounds), runs_left(bounds.runs) {
    partitions_left.store(static_cast<int64_t>(bounds.partitions), std::memory_order_relaxed);
  }

  const int64_t bucket_ms;
  const Limits limits;
  alignas(64) std::atomic<int64_t> runs_left;
  std::atomic<int64_t> partitions_left{0};
};

/// All calls are thread-safe, lock one SpinLock for some 10 ns and allocate only when a buffer grows past its
/// longest use.
class alignas(64) PartitionTally {
 public:
  PartitionTally(PartitionId id, Shared& shared) : id_(id), shared_(shared) {}
  PartitionTally(const PartitionTally&) = delete;
  PartitionTally& operator=(const PartitionTally&) = delete;

  PartitionId id() const { return id_; }

  /// Acknowledged with `message.offset`. Offsets below 0, and those that continue a run that began below 0,
  /// are counted as unknown (acks=0 numbers a batch -1001 ... -1, 0, 1 ...). `latency_ms`: acknowledgement -
  /// send.
  void acked(const Message& message, int64_t latency_ms, int64_t now_ms);
  /// Handed out to the application in `session`. Latency is now_ms - message.time_ms. Offsets below 0 are
  /// ignored.
  void consumed(const Message& message, uint32_t session, int64_t now_ms);
  /// `next`: the committed position; ignored below 0.
  void committed(Offset next, uint32_t session);
  void failed(int32_t code, int64_t time_ms, tally::TimeTypeBit type, int64_t now_ms);
  void unknown(uint64_t times, int64_t time_ms, tally::TimeTypeBit type, int64_t now_ms);

  /// Moves everything gathered since the last drain to `out` (whose buffers it takes in exchange) and, when
  /// the position changed, fills `position` and returns true for it. One drainer at a time. `out` must be
  /// reset.
  bool drain(Accumulation& out, tally::Position& position);

 private:
  enum class Order : bool { kAscending, kBelow };
  tally::Bucket& bucket_for(int64_t time_ms, int64_t now_ms);
  tally::Bucket& other_bucket(int64_t time_ms, int64_t now_ms);
  tally::Bucket& labelled(tally::BucketLabel label);
  void cover(Offset offset, uint32_t session, Order order);
  void close_run();
  void count_minute(int64_t now_ms, uint64_t bytes);

  const PartitionId id_;
  SpinLock lock_;
  bool moved_ = false;  ///< position_ changed since the last drain
  Shared& shared_;
  int64_t bucket_begin_ = 0;        ///< of the current bucket
  uint64_t bucket_span_ = 0;        ///< its width; 0 = no current bucket
  uint32_t bucket_index_ = 0;       ///< the bucket used last, normal or not
  Run run_;                         ///< the open run; empty = none
  int64_t false_next_ = INT64_MIN;  ///< next offset of a run that began below 0
  Accumulation gathered_;
  tally::Position position_{0, {}, {}, 0, Offset(-1), Offset(-1), Offset(-1), Offset(-1), 0};
};

}  // namespace waybill::client
