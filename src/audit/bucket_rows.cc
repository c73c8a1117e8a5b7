#include "audit/bucket_rows.h"

#include <algorithm>
#include <bit>

#include "audit/tables.h"
#include "base/json_text.h"
#include "tally/latency_text.h"

namespace waybill::audit {
namespace {

constexpr int64_t kBucketRowsMax = 500'000;

void append_latency(std::string& out, const tally::LatencySketch& latency) {
  JsonObject json(out);
  if (latency.count() > 0) {
    json.number("mean", latency.mean());
    json.number("p50", latency.quantile(0.50));
    json.number("p95", latency.quantile(0.95));
    json.number("p99", latency.quantile(0.99));
    json.number("max", latency.max());
  } else {
    for (std::string_view name : {"mean", "p50", "p95", "p99", "max"}) json.null(name);
  }
  json.number("negative", static_cast<int64_t>(latency.negative()));
}

/// Counts by powers of two: [upper bound, count], ascending. A cell lies within one power of two.
void append_histogram(std::string& out, const tally::LatencySketch& latency) {
  out += '[';
  int64_t open = 0, count = 0;
  auto close = [&] {
    if (count == 0) return;
    if (out.back() != '[') out += ',';
    out += '[';
    append_json_number(out, open);
    out += ',';
    append_json_number(out, count);
    out += ']';
  };
  for (const auto& cell : latency.cells()) {
    const auto upper =
        static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(cell.low_ms() + cell.width_ms())));
    if (upper != open) {
      close();
      count = 0;
    }
    open = upper;
    count += static_cast<int64_t>(cell.count);
  }
  close();
  out += ']';
}

void append_side(std::string& out, const BucketSide& side, bool histogram) {
  JsonObject json(out);
  json.number("consumed", side.distinct);
  for (size_t i = 0; i < std::size(kStates); ++i) json.number(kStates[i], side.states.counts[i]);
  json.number("reordered", side.reordered);
  append_latency(json.key("latency_ms"), side.latency);
  if (histogram) append_histogram(json.key("histogram"), side.latency);
}

}  // namespace

Result<void> BucketSum::add(const RowView& row) {
  const std::string& group = row.text("grp");
  BucketSide& side = group.empty() ? produced : groups[group];
  side.count += row.number("count");
  side.bytes += row.number("bytes");
  side.distinct += row.number("distinct_offsets");
  side.failed += row.number("failed");
  side.unknown += row.number("unknown");
  side.reordered += row.number("reordered");
  side.states.add(row);
  with_create += row.number("time_create");
  with_append += row.number("time_append");
  interval_ms = std::max<int64_t>(row.number("interval_ms"), 1);
  settled = settled && row.number("settled") != 0;
  const std::string& text = row.text("latency");
  if (text.empty()) return {};
  auto sketch = tally::parse_latency_text(text);
  if (!sketch) return tl::unexpected(std::move(sketch.error()).within("a latency in the store"));
  side.latency.merge(*sketch);
  return {};
}

int64_t row_weight(const RowView& row) {
  return row.number("count") + row.number("failed") + row.number("unknown");
}

Result<void> each_bucket_row(flow::Store& store, const BucketRange& range,
                             const std::function<Result<void>(const RowView& row)>& take) {
  flow::Query query{.table = range.table,
                    .where = {equals("cluster", range.cluster),
                              equals("topic", range.topic),
                              equals("kind", static_cast<int64_t>(range.kind)),
                              {"start", flow::Filter::Op::kGe, range.starts.from_ms},
                              {"start", flow::Filter::Op::kLt, range.starts.to_ms}}};
  Result<void> taken;
  auto read = each_row(store, std::move(query), kBucketRowsMax, [&](const RowView& row) {
    if (taken) taken = take(row);
  });
  return read ? taken : read;
}

void append_bucket(std::string& out, const std::string& cluster, const BucketSum& bucket, BucketText what) {
  JsonObject json(out);
  json.text("cluster", cluster);
  if (what.start_ms) json.number("start", *what.start_ms);
  json.number("interval_ms", bucket.interval_ms);
  if (bucket.with_create > 0 || bucket.with_append > 0) {
    json.text("time_type", bucket.with_append == 0 ? "create" : bucket.with_create == 0 ? "append" : "mixed");
  } else {
    json.null("time_type");
  }
  json.flag("settled", bucket.settled);
  if (what.complete) json.flag("complete", *what.complete);
  {
    JsonObject produced(json.key("produced"));
    produced.number("count", bucket.produced.count);
    produced.number("bytes", bucket.produced.bytes);
    produced.number("failed", bucket.produced.failed);
    produced.number("unknown", bucket.produced.unknown);
  }
  JsonObject groups(json.key("groups"));
  for (const auto& [name, side] : bucket.groups) append_side(groups.key(name), side, what.histogram);
}

}  // namespace waybill::audit
