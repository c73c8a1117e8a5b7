#include "flow/watermark.h"

#include <algorithm>

namespace waybill::flow {

void WatermarkTracker::add(const SourcePartition& partition, Now now) {
  partitions_[partition].last_record_ms = now.steady_ms;
}

void WatermarkTracker::on_batch(const Batch& batch, Now now) {
  if (batch.records.empty()) return;
  Partition& partition = partitions_[batch.from];
  partition.last_record_ms = now.steady_ms;
  partition.at_end = false;
  for (const auto& record : batch.records) {
    if (record.time_type != TimeType::kNone)
      partition.newest_ms = std::max(partition.newest_ms, record.time_ms);
  }
}

void WatermarkTracker::on_end(const SourcePartition& partition, bool at_end) {
  partitions_[partition].at_end = at_end;
}

Watermark WatermarkTracker::watermark(Now now) {
  int64_t slowest = INT64_MAX;
  int64_t newest = INT64_MIN;
  bool caught_up = !partitions_.empty();
  for (const auto& [id, partition] : partitions_) {
    newest = std::max(newest, partition.newest_ms);
    caught_up = caught_up && partition.at_end;
    bool idle = partition.at_end && now.steady_ms - partition.last_record_ms >= idle_after_ms_;
    if (!idle) slowest = std::min(slowest, partition.newest_ms);
  }
  if (slowest == INT64_MAX) slowest = newest;  // all idle
  reached_ms_ = std::max(reached_ms_, slowest);
  return {reached_ms_, caught_up};
}

}  // namespace waybill::flow
