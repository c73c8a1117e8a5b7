#pragma once
// Rows of bucket_table() and hour_table() joined to buckets with both sides, and how the API writes one.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "audit/query_params.h"
#include "audit/query_rows.h"
#include "flow/store.h"
#include "tally/bucket.h"
#include "tally/latency_sketch.h"

namespace waybill::audit {

/// One side of one bucket. What is counted only ever adds up.
struct BucketSide {
  int64_t count = 0, bytes = 0, distinct = 0, failed = 0, unknown = 0, reordered = 0;
  StateCounts states;
  tally::LatencySketch latency;
};

/// The rows of one span of time.
struct BucketSum {
  int64_t interval_ms = 60'000;  ///< of the row that was added last; whoever joins rows of several says it anew
  int64_t with_create = 0, with_append = 0;
  bool settled = true;  ///< each row is
  BucketSide produced;
  std::map<std::string, BucketSide> groups;

  /// kCorrupt or kTruncated for a latency that is none.
  Result<void> add(const RowView& row);
};

using Buckets = std::map<int64_t, BucketSum>;  ///< by start

/// Messages that a row counts: it tells whether rows are gone, as these never become fewer.
int64_t row_weight(const RowView& row);

/// Which rows of bucket_table() or hour_table(): one topic, one kind, `start` in [from_ms, to_ms).
struct BucketRange {
  const flow::TableSpec* table = nullptr;
  std::string cluster, topic;
  tally::BucketKind kind = tally::BucketKind::kNormal;
  TimeRange starts;
};

/// Hands each row to `take` until it fails. kLimit beyond 500,000 rows; errors of the store and of `take`.
Result<void> each_bucket_row(flow::Store& store, const BucketRange& range,
                             const std::function<Result<void>(const RowView& row)>& take);

struct BucketText {
  std::optional<int64_t> start_ms;  ///< none: no member `start`
  std::optional<bool> complete;     ///< none: no member `complete`
  bool histogram = false;           ///< each group's latencies by powers of two as well
};

/// Appends the JSON object that the API and the sinks show.
void append_bucket(std::string& out, const std::string& cluster, const BucketSum& bucket, BucketText what);

}  // namespace waybill::audit
