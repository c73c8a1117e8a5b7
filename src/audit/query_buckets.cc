// GET /api/v1/topics/{topic}/buckets
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "audit/bucket_rows.h"
#include "audit/query.h"
#include "audit/query_params.h"
#include "audit/tables.h"
#include "base/json_text.h"
#include "tally/bucket.h"

namespace waybill::audit {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kPointsMost = 5'000;  ///< that a step may give

struct Step {
  std::string_view name;
  int64_t ms;
  /// The longest range for which it is taken when none is asked for; 0 = never. At most 1,600 buckets. Beyond
  /// 50 hours it is whole hours, because minutes are not kept much longer.
  int64_t longest_ms;
};
constexpr Step kSteps[] = {{"1s", 1000, 1'600'000},
                           {"10s", 10'000, 16'000'000},
                           {"1m", kMinuteMs, 1'600 * kMinuteMs},
                           {"5m", 5 * kMinuteMs, 50 * kHourMs},
                           {"15m", 15 * kMinuteMs, 0},
                           {"1h", kHourMs, 1'600 * kHourMs},
                           {"6h", 6 * kHourMs, 1'600 * 6 * kHourMs},
                           {"1d", kDayMs, 1'600 * kDayMs},
                           {"28d", 28 * kDayMs, std::numeric_limits<int64_t>::max()}};

/// The parameter `step`, or what suits the range.
Result<Step> step_of(const Params& params, TimeRange range) {
  const int64_t length = std::max<int64_t>(0, range.to_ms - range.from_ms);
  std::vector<std::string_view> names = {"auto"};
  for (const Step& step : kSteps) names.push_back(step.name);
  auto wanted = one_of(params, "step", names, "auto");
  if (!wanted) return tl::unexpected(std::move(wanted.error()));
  if (*wanted == "auto")
    return *std::find_if(std::begin(kSteps), std::end(kSteps),
                         [&](const Step& step) { return length <= step.longest_ms; });
  const Step step = *std::find_if(std::begin(kSteps), std::end(kSteps),
                                  [&](const Step& one) { return one.name == *wanted; });
  if (length / step.ms <= kPointsMost) return step;
  const auto* fits = std::find_if(std::begin(kSteps), std::end(kSteps),
                                  [&](const Step& one) { return length / one.ms <= kPointsMost; });
  std::string message = "step: " + *wanted + " over this range would be " + std::to_string(length / step.ms) +
                        " buckets, more than " + std::to_string(kPointsMost) + "; ask for a shorter range";
  if (fits != std::end(kSteps)) message += " or for " + std::string(fits->name);
  return fail(Errc::kInvalid, message);
}

int64_t floor_to(int64_t ms, int64_t width_ms) { return tally::bucket_start(ms, width_ms).value; }

/// Buckets of the step that touch the range, each whole. Steps of hours are sums of the hours' own rows. A
/// shorter step is the sum of rows as they were counted while all of an hour's exist; else the hour stands
/// for them. A bucket is as wide as its widest row when that is wider than the step.
class StepReader {
 public:
  StepReader(flow::Store& store, BucketRange rows, int64_t step_ms)
      : store_(store), rows_(std::move(rows)), step_ms_(step_ms) {}

  Result<Buckets> read(TimeRange range) {
    const int64_t whole_ms = std::max(step_ms_, kHourMs);
    rows_.starts = {floor_to(range.from_ms, whole_ms), floor_to(range.to_ms + whole_ms - 1, whole_ms)};
    auto done = step_ms_ >= kHourMs ? read_hours() : read_both();
    if (!done) return tl::unexpected(std::move(done.error()));
    std::erase_if(buckets_, [&](const auto& one) {
      return one.first >= range.to_ms || one.first + one.second.interval_ms <= range.from_ms;
    });
    return std::move(buckets_);
  }

 private:
  Result<void> add(int64_t start_ms, int64_t width_ms, const RowView& row) {
    BucketSum& bucket = buckets_.try_emplace(start_ms).first->second;
    auto added = bucket.add(row);
    bucket.interval_ms = width_ms;
    return added;
  }

  Result<void> read_hours() {
    rows_.table = &hour_table();
    return each_bucket_row(store_, rows_, [&](const RowView& row) {
      return add(floor_to(row.number("start"), step_ms_), step_ms_, row);
    });
  }

  Result<void> read_both() {
    std::map<int64_t, int64_t> left;  // what the hour's own rows do not explain
    rows_.table = &hour_table();
    auto done = each_bucket_row(store_, rows_, [&](const RowView& row) -> Result<void> {
      left[row.number("start")] += row_weight(row);
      return {};
    });
    if (!done) return done;
    rows_.table = &bucket_table();
    done = each_bucket_row(store_, rows_, [&](const RowView& row) {
      const int64_t start = row.number("start");
      if (auto hour = left.find(floor_to(start, kHourMs)); hour != left.end())
        hour->second -= row_weight(row);
      const int64_t width = std::max(step_ms_, std::max<int64_t>(row.number("interval_ms"), 1));
      return add(floor_to(start, width), width, row);
    });
    if (!done) return done;
    std::erase_if(left, [](const auto& hour) { return hour.second <= 0; });
    if (left.empty()) return {};
    std::erase_if(buckets_, [&](const auto& one) { return left.contains(floor_to(one.first, kHourMs)); });
    rows_.table = &hour_table();
    rows_.starts = {left.begin()->first, left.rbegin()->first + kHourMs};
    return each_bucket_row(store_, rows_, [&](const RowView& row) -> Result<void> {
      const int64_t start = row.number("start");
      return left.contains(start) ? add(start, kHourMs, row) : Result<void>();
    });
  }

  flow::Store& store_;
  BucketRange rows_;
  int64_t step_ms_;
  Buckets buckets_;
};

/// `far` or `untimed`: one bucket without a start. It never settles once something is in it.
Result<void> append_unplaced(std::string& out, flow::Store& store, BucketRange rows, bool complete) {
  rows.table = &bucket_table();
  rows.starts = {0, 1};
  BucketSum bucket;
  auto done = each_bucket_row(store, rows, [&](const RowView& row) { return bucket.add(row); });
  if (done) append_bucket(out, rows.cluster, bucket, {.start_ms = {}, .complete = complete});
  return done;
}

}  // namespace

Result<std::string> buckets_json(flow::Store& store, std::string_view topic, const Params& params, Now now) {
  auto range = time_range(params, now, {now.wall_ms - kDayMs, now.wall_ms + 2 * kHourMs});
  if (!range) return tl::unexpected(std::move(range.error()));
  auto step = step_of(params, *range);
  if (!step) return tl::unexpected(std::move(step.error()));
  constexpr std::string_view kSwitch[] = {"true", "false"};
  auto histogram = one_of(params, "histogram", kSwitch, "false");
  if (!histogram) return histogram;
  auto cluster = find_cluster(store, topic, params);
  if (!cluster) return cluster;
  auto holes = Holes::of(store, *cluster, topic);
  if (!holes) return tl::unexpected(std::move(holes.error()));
  BucketRange rows{.cluster = *cluster, .topic = std::string(topic)};
  auto buckets = StepReader(store, rows, step->ms).read(*range);
  if (!buckets) return tl::unexpected(std::move(buckets.error()));
  std::string out;
  Result<void> done;
  {
    JsonObject json(out);
    json.number("step_ms", step->ms);
    json.key("buckets") += '[';
    for (const auto& [start, bucket] : *buckets) {
      if (out.back() != '[') out += ',';
      append_bucket(out, *cluster, bucket,
                    {.start_ms = start,
                     .complete = holes->complete(start, start + bucket.interval_ms),
                     .histogram = *histogram == "true"});
    }
    out += ']';
    rows.kind = tally::BucketKind::kFar;
    done = append_unplaced(json.key("far"), store, rows, holes->complete());
    rows.kind = tally::BucketKind::kUntimed;
    if (done) done = append_unplaced(json.key("untimed"), store, rows, holes->complete());
  }
  if (!done) return tl::unexpected(std::move(done.error()));
  return out;
}

}  // namespace waybill::audit
