#pragma once
// Counts and latencies of the messages of one bucket. Never coverage (DESIGN 4.1). Pure.

#include <cstdint>
#include <map>

#include "base/types.h"
#include "tally/latency_sketch.h"

namespace waybill::tally {

/// kFar: beyond the cap on open buckets, or a time outside [now - 7 d, now + 1 h]. kUntimed: a message
/// without a time.
enum class BucketKind : uint8_t { kNormal = 0, kFar = 1, kUntimed = 2 };

/// Names a bucket. `start` is 0 unless kind is kNormal.
struct BucketLabel {
  BucketKind kind = BucketKind::kNormal;
  BucketStart start;
  auto operator<=>(const BucketLabel&) const = default;
};

/// Start of the bucket that holds `time_ms`. Floors for negative times too. REQUIRES: width_ms > 0.
constexpr BucketStart bucket_start(int64_t time_ms, int64_t width_ms) {
  int64_t rest = time_ms % width_ms;
  return BucketStart(time_ms - (rest < 0 ? rest + width_ms : rest));
}

/// Which Kafka timestamp the messages carried. Bit set, so merging is `|`; both bits = mixed.
enum TimeTypeBit : uint8_t { kCreateTime = 1, kAppendTime = 2 };

/// Additions to one bucket; adding two Buckets of one label is commutative and associative.
struct Bucket {
  BucketLabel label;
  uint8_t time_types = 0;       ///< TimeTypeBit set
  uint64_t count = 0;           ///< messages: accepted (sent), acknowledged (produced), handed out (consumed)
  uint64_t bytes = 0;           ///< key + value bytes of `count`
  uint64_t unknown = 0;         ///< sends whose outcome is unknown
  uint64_t offset_unknown = 0;  ///< acknowledged, part of `count`, but without a trustworthy offset
  std::map<int32_t, uint64_t> failed;  ///< librdkafka/Kafka error code -> sends that failed with it
  LatencySketch latency;               ///< consumed: hand-out - record time; produced: acknowledgement - send

  uint64_t failed_total() const {
    uint64_t n = 0;
    for (const auto& [code, count_of_code] : failed) n += count_of_code;
    return n;
  }
  /// Adds `other`; labels must be equal (asserted).
  void merge(const Bucket& other);
  bool operator==(const Bucket&) const = default;
};

}  // namespace waybill::tally
