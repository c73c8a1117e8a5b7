// GET /api/v1/topics/{topic}/buckets
#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <tuple>

#include "audit/hop_figures.h"
#include "audit/query.h"
#include "audit/query_json.h"
#include "audit/query_params.h"
#include "audit/query_rows.h"
#include "audit/tables.h"
#include "tally/bucket.h"
#include "tally/latency_text.h"

namespace waybill::audit {
namespace {

constexpr int64_t kBucketRowsMax = 500'000;
constexpr int64_t kMinuteMs = 60'000;

/// One side of one bucket.
struct Side {
  int64_t count = 0, bytes = 0, distinct = 0, failed = 0, unknown = 0, reordered = 0;
  std::map<std::string_view, int64_t> states;
  tally::LatencySketch latency;
};

struct BucketSum {
  int64_t interval_ms = kMinuteMs;
  int64_t with_create = 0, with_append = 0;
  bool settled = true;
  Side produced;
  std::map<std::string, Side> groups;
  /// What tells whether rows are gone: everything that was ever counted here.
  int64_t weight = 0;
};

enum class Detail : uint8_t { kFigures, kHistogram };

using Buckets = std::map<int64_t, BucketSum>;  ///< by start

Result<void> add_row(BucketSum& bucket, const RowView& row) {
  const std::string& group = row.text("grp");
  Side& side = group.empty() ? bucket.produced : bucket.groups[group];
  side.count += row.number("count");
  side.bytes += row.number("bytes");
  side.distinct += row.number("distinct_offsets");
  side.failed += row.number("failed");
  side.unknown += row.number("unknown");
  side.reordered += row.number("reordered");
  for (std::string_view state : kStates) side.states[state] += row.number(state);
  bucket.interval_ms = std::max<int64_t>(row.number("interval_ms"), 1);
  bucket.with_create += row.number("time_create");
  bucket.with_append += row.number("time_append");
  bucket.settled = bucket.settled && row.number("settled") != 0;
  bucket.weight += row.number("count") + row.number("failed") + row.number("unknown");
  if (row.text("latency").empty()) return {};
  auto sketch = tally::parse_latency_text(row.text("latency"));
  if (!sketch) return tl::unexpected(std::move(sketch.error()).within("a latency in the store"));
  side.latency.merge(*sketch);
  return {};
}

/// Rows of one kind with `start` in [from_ms, to_ms).
Result<Buckets> read(flow::Store& store, const flow::TableSpec& table, const std::string& cluster,
                     std::string_view topic, tally::BucketKind kind, TimeRange starts) {
  flow::Query query{.table = &table,
                    .where = {equals("cluster", cluster),
                              equals("topic", std::string(topic)),
                              equals("kind", static_cast<int64_t>(kind)),
                              {"start", flow::Filter::Op::kGe, starts.from_ms},
                              {"start", flow::Filter::Op::kLt, starts.to_ms}}};
  Buckets buckets;
  Result<void> added;
  auto done = each_row(store, std::move(query), kBucketRowsMax, [&](const RowView& row) {
    if (added) added = add_row(buckets[row.number("start")], row);
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  if (!added) return tl::unexpected(std::move(added.error()));
  return buckets;
}

/// Buckets that touch the range: as they were counted while all of an hour's rows exist, else the hour's.
Result<Buckets> read_range(flow::Store& store, const std::string& cluster, std::string_view topic,
                           TimeRange range) {
  const TimeRange whole_hours{tally::bucket_start(range.from_ms, kHourMs).value,
                              tally::bucket_start(range.to_ms + kHourMs - 1, kHourMs).value};
  auto minutes = read(store, bucket_table(), cluster, topic, tally::BucketKind::kNormal, whole_hours);
  if (!minutes) return minutes;
  auto hours = read(store, hour_table(), cluster, topic, tally::BucketKind::kNormal, whole_hours);
  if (!hours) return hours;
  std::map<int64_t, int64_t> left;  // what the hour's own rows do not explain
  for (const auto& [start, hour] : *hours) left[start] = hour.weight;
  for (const auto& [start, minute] : *minutes)
    left[tally::bucket_start(start, kHourMs).value] -= minute.weight;
  Buckets out;
  auto keep = [&](int64_t start, BucketSum& bucket) {
    if (start < range.to_ms && start + bucket.interval_ms > range.from_ms)
      out.emplace(start, std::move(bucket));
  };
  for (auto& [start, hour] : *hours) {
    if (left[start] > 0) keep(start, hour);
  }
  for (auto& [start, minute] : *minutes) {
    if (left[tally::bucket_start(start, kHourMs).value] <= 0) keep(start, minute);
  }
  return out;
}

Json latency_json(const tally::LatencySketch& latency) {
  const bool known = latency.count() > 0;
  auto quantile = [&](double q) { return known ? Json(latency.quantile(q)) : Json(); };
  return {{"mean", known ? Json(latency.mean()) : Json()},
          {"p50", quantile(0.50)},
          {"p95", quantile(0.95)},
          {"p99", quantile(0.99)},
          {"max", known ? Json(latency.max()) : Json()},
          {"negative", latency.negative()}};
}

/// Counts by powers of two: [upper bound, count], ascending. A cell lies within one power of two.
Json histogram_json(const tally::LatencySketch& latency) {
  Json list = Json::array();
  for (const auto& cell : latency.cells()) {
    const auto upper =
        static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(cell.low_ms() + cell.width_ms())));
    if (!list.empty() && list.back()[0] == upper) {
      list.back()[1] = list.back()[1].get<uint64_t>() + cell.count;
    } else {
      list.push_back({upper, cell.count});
    }
  }
  return list;
}

Json side_json(const Side& side, Detail detail) {
  Json json{{"consumed", side.distinct}};
  for (std::string_view state : {"lost", "redelivered", "late", "pending", "suspected", "unconfirmed",
                                 "excused", "accepted", "replayed"}) {
    auto it = side.states.find(state);
    json[std::string(state)] = it == side.states.end() ? 0 : it->second;
  }
  json["reordered"] = side.reordered;
  json["latency_ms"] = latency_json(side.latency);
  if (detail == Detail::kHistogram) json["histogram"] = histogram_json(side.latency);
  return json;
}

Json time_type(const BucketSum& bucket) {
  if (bucket.with_create > 0 && bucket.with_append > 0) return "mixed";
  if (bucket.with_create > 0) return "create";
  return bucket.with_append > 0 ? Json("append") : Json();
}

Json bucket_json(const std::string& cluster, std::optional<int64_t> start, const BucketSum& bucket,
                 bool complete, Detail detail) {
  Json json{{"cluster", cluster}};
  if (start) json["start"] = *start;
  json["interval_ms"] = bucket.interval_ms;
  json["time_type"] = time_type(bucket);
  json["settled"] = bucket.settled;
  json["complete"] = complete;
  json["produced"] = {{"count", bucket.produced.count},
                      {"bytes", bucket.produced.bytes},
                      {"failed", bucket.produced.failed},
                      {"unknown", bucket.produced.unknown}};
  Json groups = Json::object();
  for (const auto& [name, side] : bucket.groups) groups[name] = side_json(side, detail);
  json["groups"] = std::move(groups);
  return json;
}

/// `far` or `untimed`: one bucket without a start. It never settles once something is in it.
Result<Json> unplaced(flow::Store& store, const std::string& cluster, std::string_view topic,
                      tally::BucketKind kind, const Holes& holes) {
  auto found = read(store, bucket_table(), cluster, topic, kind, {0, 1});
  if (!found) return tl::unexpected(std::move(found.error()));
  return bucket_json(cluster, std::nullopt, (*found)[0], holes.complete(), Detail::kFigures);
}

}  // namespace

Result<std::string> buckets_json(flow::Store& store, std::string_view topic, const Params& params, Now now) {
  auto range = time_range(params, now, {now.wall_ms - kDayMs, now.wall_ms + 2 * kHourMs});
  if (!range) return tl::unexpected(std::move(range.error()));
  constexpr std::string_view kSwitch[] = {"true", "false"};
  auto histogram = one_of(params, "histogram", kSwitch, "false");
  if (!histogram) return histogram;
  const Detail detail = *histogram == "true" ? Detail::kHistogram : Detail::kFigures;
  auto cluster = find_cluster(store, topic, params);
  if (!cluster) return cluster;
  auto holes = Holes::of(store, *cluster, topic);
  if (!holes) return tl::unexpected(std::move(holes.error()));
  auto buckets = read_range(store, *cluster, topic, *range);
  if (!buckets) return tl::unexpected(std::move(buckets.error()));
  auto far = unplaced(store, *cluster, topic, tally::BucketKind::kFar, *holes);
  if (!far) return tl::unexpected(std::move(far.error()));
  auto untimed = unplaced(store, *cluster, topic, tally::BucketKind::kUntimed, *holes);
  if (!untimed) return tl::unexpected(std::move(untimed.error()));
  Json list = Json::array();
  for (const auto& [start, bucket] : *buckets) {
    list.push_back(
        bucket_json(*cluster, start, bucket, holes->complete(start, start + bucket.interval_ms), detail));
  }
  return text_of(
      Json{{"buckets", std::move(list)}, {"far", std::move(*far)}, {"untimed", std::move(*untimed)}});
}

// ---- figures for sinks ----

namespace {

constexpr int64_t kFigureRowsAtOnce = 10'000;

/// {"latency_ms":{"p99":3}} as latency_ms.p99 = 3; what is null is left out.
void flatten(const Json& json, const std::string& prefix, flow::Figure& figure) {
  for (const auto& [name, value] : json.items()) {
    const std::string field = prefix + name;
    if (value.is_object()) {
      flatten(value, field + '.', figure);
    } else if (value.is_string()) {
      figure.fields.emplace_back(field, value.get<std::string>());
    } else if (value.is_boolean()) {
      figure.fields.emplace_back(field, value.get<bool>() ? "1" : "0");
    } else if (!value.is_null()) {
      figure.fields.emplace_back(field, value.dump());
    }
  }
}

void take_hops(const std::string& cluster, const std::string& topic, int64_t start, const BucketSum& bucket,
               const flow::TakeFigure& take) {
  Json json = bucket_json(cluster, start, bucket, true, Detail::kFigures);
  json.erase("complete");  // depends on more than the bucket
  const Json groups = json["groups"];
  json.erase("groups");
  json["topic"] = topic;
  auto one = [&](const std::string& group, const Json& side) {
    Json all = json;
    all["group"] = group;
    all.update(side);
    flow::Figure figure{.name = {"hop", cluster, topic, group, std::to_string(start)}, .json = text_of(all)};
    flatten(all, "", figure);
    take(std::move(figure));
  };
  one("", Json::object());
  for (const auto& [group, side] : groups.items()) one(group, side);
}

class HopScan final : public flow::FigureScan {
 public:
  HopScan(flow::Store& store, int64_t from_ms)
      : store_(store),
        query_{.table = &bucket_table(),
               .where = {equals("kind", static_cast<int64_t>(tally::BucketKind::kNormal)),
                         {"start", flow::Filter::Op::kGe, from_ms}},
               .limit = kFigureRowsAtOnce} {}

  Result<bool> next(const flow::TakeFigure& take) override {
    auto page = store_.query(query_);
    if (!page) return tl::unexpected(std::move(page.error()));
    for (const flow::Page::Row& row : page->rows) {
      const RowView view(*query_.table, row);
      Place place{view.text("cluster"), view.text("topic"), view.number("start")};
      if (place != place_) finish(take);
      place_ = std::move(place);
      if (auto added = add_row(bucket_, view); !added) return tl::unexpected(std::move(added.error()));
    }
    if (page->next) {
      query_.cursor = std::move(*page->next);
      return true;
    }
    finish(take);
    return false;
  }

 private:
  using Place = std::tuple<std::string, std::string, int64_t>;

  void finish(const flow::TakeFigure& take) {
    const auto& [cluster, topic, start] = place_;
    if (!cluster.empty()) take_hops(cluster, topic, start, bucket_, take);
    bucket_ = {};
    place_ = {};
  }

  flow::Store& store_;
  flow::Query query_;
  Place place_;  ///< of bucket_, whose rows may go on in the next page; an empty cluster = none
  BucketSum bucket_;
};

}  // namespace

Result<void> hop_figures(flow::Store& store, const std::string& cluster, const std::string& topic,
                         int64_t start_ms, const flow::TakeFigure& take) {
  auto found =
      read(store, bucket_table(), cluster, topic, tally::BucketKind::kNormal, {start_ms, start_ms + 1});
  if (!found) return tl::unexpected(std::move(found.error()));
  for (const auto& [start, bucket] : *found) take_hops(cluster, topic, start, bucket, take);
  return {};
}

std::unique_ptr<flow::FigureScan> all_hop_figures(flow::Store& store, int64_t from_ms) {
  return std::make_unique<HopScan>(store, from_ms);
}

}  // namespace waybill::audit
