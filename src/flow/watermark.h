#pragma once
// How far in record time all partitions of one Task have come.

#include <map>

#include "base/time.h"
#include "flow/record.h"
#include "flow/task.h"

namespace waybill::flow {

/// Pure. Not thread-safe. Cost: one map lookup a batch; watermark() is linear in the partitions.
class WatermarkTracker {
 public:
  explicit WatermarkTracker(Millis idle_after) : idle_after_ms_(idle_after.count()) {}
  /// REQUIRES: before any other call for the partition.
  void add(const SourcePartition& partition, Now now);
  /// A batch was processed. Untimed records do not move the watermark.
  void on_batch(const Batch& batch, Now now);
  /// `at_end`: the position has reached the end of the log.
  void on_end(const SourcePartition& partition, bool at_end);
  /// Never goes back.
  Watermark watermark(Now now);

 private:
  struct Partition {
    int64_t newest_ms = INT64_MIN;
    int64_t last_record_ms = 0;  ///< Now::steady_ms
    bool at_end = false;
  };
  int64_t idle_after_ms_;
  std::map<SourcePartition, Partition> partitions_;
  int64_t reached_ms_ = INT64_MIN;
};

}  // namespace waybill::flow
