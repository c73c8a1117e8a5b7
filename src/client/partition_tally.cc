#include "client/partition_tally.h"

#include <mutex>
#include <utility>

namespace waybill::client {

using tally::Bucket;
using tally::BucketKind;
using tally::BucketLabel;

namespace {

constexpr int64_t kMinuteMs = 60'000;

int64_t minute_of(int64_t now_ms) { return tally::bucket_start(now_ms, kMinuteMs).value; }

}  // namespace

void Accumulation::reset() {
  for (size_t i = 0; i < used; ++i) {
    Bucket& bucket = buckets[i];
    bucket.label = {};
    bucket.time_types = 0;
    bucket.count = bucket.bytes = bucket.unknown = bucket.offset_unknown = 0;
    bucket.failed.clear();
    bucket.latency.clear();
  }
  used = 0;
  runs.clear();
  minutes.clear();
  dropped_coverage = 0;
}

Bucket& PartitionTally::labelled(BucketLabel label) {
  size_t normal = 0;
  for (size_t i = 0; i < gathered_.used; ++i) {
    if (gathered_.buckets[i].label == label) {
      bucket_index_ = static_cast<uint32_t>(i);
      return gathered_.buckets[i];
    }
    normal += gathered_.buckets[i].label.kind == BucketKind::kNormal ? 1 : 0;
  }
  if (label.kind == BucketKind::kNormal && normal >= shared_.limits.buckets) {
    bucket_span_ = 0;
    return labelled({BucketKind::kFar, {}});
  }
  if (gathered_.used == gathered_.buckets.size()) gathered_.buckets.emplace_back();
  bucket_index_ = static_cast<uint32_t>(gathered_.used++);
  Bucket& bucket = gathered_.buckets[bucket_index_];
  bucket.label = label;
  return bucket;
}

Bucket& PartitionTally::other_bucket(int64_t time_ms, int64_t now_ms) {
  bucket_span_ = 0;
  if (time_ms < 0) return labelled({BucketKind::kUntimed, {}});
  if (time_ms < now_ms - kPastMs || time_ms > now_ms + kFutureMs) return labelled({BucketKind::kFar, {}});
  BucketStart start = tally::bucket_start(time_ms, shared_.bucket_ms);
  bucket_begin_ = start.value;
  bucket_span_ = static_cast<uint64_t>(shared_.bucket_ms);
  return labelled({BucketKind::kNormal, start});
}

inline Bucket& PartitionTally::bucket_for(int64_t time_ms, int64_t now_ms) {
  if (static_cast<uint64_t>(time_ms - bucket_begin_) < bucket_span_) [[likely]] {
    return gathered_.buckets[bucket_index_];
  }
  return other_bucket(time_ms, now_ms);
}

void PartitionTally::close_run() {
  if (run_.range.empty()) return;
  gathered_.runs.push_back(run_);
  run_.range = {};
}

inline void PartitionTally::cover(Offset offset, uint32_t session, Order order) {
  const bool below = order == Order::kBelow;
  if (offset == run_.range.end && run_.bucket == bucket_index_ && run_.session == session &&
      run_.below == below && !run_.range.empty()) [[likely]] {
    ++run_.range.end;
    return;
  }
  close_run();
  if (shared_.runs_left.fetch_sub(1, std::memory_order_relaxed) <= 0) {
    shared_.runs_left.fetch_add(1, std::memory_order_relaxed);
    ++gathered_.dropped_coverage;
    return;
  }
  run_ = {{offset, offset + 1}, bucket_index_, session, below};
}

inline void PartitionTally::count_minute(int64_t now_ms, uint64_t bytes) {
  auto& minutes = gathered_.minutes;
  if (minutes.empty() || static_cast<uint64_t>(now_ms - minutes.back().minute_ms) >= kMinuteMs) {
    minutes.push_back({minute_of(now_ms), 0, 0});
  }
  ++minutes.back().count;
  minutes.back().bytes += bytes;
}

void PartitionTally::acked(const Message& message, int64_t latency_ms, int64_t now_ms) {
  std::lock_guard guard(lock_);
  Bucket& bucket = bucket_for(message.time_ms, now_ms);
  ++bucket.count;
  bucket.bytes += message.bytes;
  if (message.time_ms >= 0) bucket.time_types |= message.time_type;
  bucket.latency.add(latency_ms);
  count_minute(now_ms, message.bytes);
  if (message.offset.value < 0 || message.offset.value == false_next_) [[unlikely]] {
    false_next_ = message.offset.value + 1;
    ++bucket.offset_unknown;
    return;
  }
  cover(message.offset, 0, Order::kAscending);
}

void PartitionTally::consumed(const Message& message, uint32_t session, int64_t now_ms) {
  if (message.offset.value < 0) return;
  std::lock_guard guard(lock_);
  Bucket& bucket = bucket_for(message.time_ms, now_ms);
  ++bucket.count;
  bucket.bytes += message.bytes;
  if (message.time_ms >= 0) {
    bucket.time_types |= message.time_type;
    bucket.latency.add(now_ms - message.time_ms);
  }
  count_minute(now_ms, message.bytes);
  if (position_.session != session) [[unlikely]] {
    position_.session = session;
    position_.session_first = Offset(-1);
    position_.high = Offset(-1);
  }
  cover(message.offset, session, message.offset < position_.high ? Order::kBelow : Order::kAscending);
  if (position_.session_first.value < 0) [[unlikely]]
    position_.session_first = message.offset;
  position_.next = message.offset + 1;
  if (position_.next > position_.high) {
    position_.high = position_.next;
    position_.last_time_ms = message.time_ms < 0 ? 0 : message.time_ms;
  }
  moved_ = true;
}

void PartitionTally::committed(Offset next, uint32_t session) {
  if (next.value < 0) return;
  std::lock_guard guard(lock_);
  if (position_.session == 0) position_.session = session;
  position_.committed = next;
  moved_ = true;
}

void PartitionTally::failed(int32_t code, int64_t time_ms, tally::TimeTypeBit type, int64_t now_ms) {
  std::lock_guard guard(lock_);
  Bucket& bucket = bucket_for(time_ms, now_ms);
  ++bucket.failed[code];
  if (time_ms >= 0) bucket.time_types |= type;
}

void PartitionTally::unknown(uint64_t times, int64_t time_ms, tally::TimeTypeBit type, int64_t now_ms) {
  std::lock_guard guard(lock_);
  Bucket& bucket = bucket_for(time_ms, now_ms);
  bucket.unknown += times;
  if (time_ms >= 0) bucket.time_types |= type;
}

bool PartitionTally::drain(Accumulation& out, tally::Position& position) {
  std::lock_guard guard(lock_);
  if (!gathered_.empty()) {
    close_run();
    std::swap(gathered_, out);
    shared_.runs_left.fetch_add(static_cast<int64_t>(out.runs.size()), std::memory_order_relaxed);
    bucket_span_ = 0;
  }
  if (!moved_) return false;
  moved_ = false;
  position = position_;
  return true;
}

}  // namespace waybill::client
