#include "audit/hop_figures.h"

#include <optional>
#include <tuple>

#include "audit/bucket_rows.h"
#include "audit/query_json.h"
#include "audit/tables.h"

namespace waybill::audit {

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
  std::string text;  // without `complete`, which depends on more than the bucket
  append_bucket(text, cluster, bucket, {.start_ms = start, .complete = {}});
  Json json = Json::parse(text);
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
      if (auto added = bucket_.add(view); !added) return tl::unexpected(std::move(added.error()));
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
  std::optional<BucketSum> bucket;
  auto done = each_bucket_row(
      store,
      {.table = &bucket_table(), .cluster = cluster, .topic = topic, .starts = {start_ms, start_ms + 1}},
      [&](const RowView& row) {
        if (!bucket) bucket.emplace();
        return bucket->add(row);
      });
  if (done && bucket) take_hops(cluster, topic, start_ms, *bucket, take);
  return done;
}

std::unique_ptr<flow::FigureScan> all_hop_figures(flow::Store& store, int64_t from_ms) {
  return std::make_unique<HopScan>(store, from_ms);
}

}  // namespace waybill::audit
