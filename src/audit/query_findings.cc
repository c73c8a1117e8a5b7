// GET /api/v1/topics/{topic}/findings
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "audit/query.h"
#include "audit/query_findings_stream.h"
#include "audit/query_json.h"
#include "audit/query_params.h"
#include "audit/query_rows.h"
#include "audit/tables.h"
#include "base/base64.h"

namespace waybill::audit {
namespace {

constexpr int64_t kLimitMissing = 1000;
constexpr int64_t kLimitMost = 10'000;
constexpr int64_t kFindingRowsMax = 2'000'000;

/// One partition in one life of its topic, in the order of the answer.
using Place = std::pair<int64_t, int64_t>;  ///< partition, incarnation

/// Where the next page begins: the first finding that was not shown, and how far longer ones before it
/// reached.
struct Cursor {
  Place place;
  int64_t offset = 0;
  std::string group, state;
  std::map<std::string, std::map<std::string, int64_t>> shown;  ///< group -> state -> last offset
};

/// URL-safe text, opaque to callers.
std::string encode(const Cursor& cursor) {
  const Json json{cursor.place.first, cursor.place.second, cursor.offset,
                  cursor.group,       cursor.state,        cursor.shown};
  std::string text = base64_encode(text_of(json));
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c == '=' ? '.' : c;
  return text;
}

Result<std::optional<Cursor>> cursor_param(const Params& params) {
  auto text = params("next");
  if (!text) return std::optional<Cursor>();
  for (char& c : *text) c = c == '-' ? '+' : c == '_' ? '/' : c == '.' ? '=' : c;
  const auto bytes = base64_decode(*text);
  try {
    const Json json = bytes ? Json::parse(*bytes) : Json();
    Cursor cursor;
    cursor.place = {json.at(0).get<int64_t>(), json.at(1).get<int64_t>()};
    cursor.offset = json.at(2).get<int64_t>();
    cursor.group = json.at(3).get<std::string>();
    cursor.state = json.at(4).get<std::string>();
    cursor.shown = json.at(5).get<decltype(cursor.shown)>();
    return std::optional(std::move(cursor));
  } catch (const Json::exception&) {
    return fail(Errc::kInvalid, "next: not one that an earlier page gave");
  }
}

/// The groups that may have findings, by place. A group with findings has a row of totals.
Result<std::map<Place, std::set<std::string>>> places(flow::Store& store, const FindingFilter& filter,
                                                      const std::optional<std::string>& group) {
  flow::Query query{.table = &partition_table(),
                    .where = {equals("cluster", filter.cluster), equals("topic", filter.topic)}};
  if (group) query.where.push_back(equals("grp", *group));
  std::map<Place, std::set<std::string>> out;
  auto done = each_row(store, query, kFindingRowsMax, [&](const RowView& row) {
    if (row.number("part") >= 0 && !row.text("grp").empty()) {
      out[{row.number("part"), row.number("incarnation")}].insert(row.text("grp"));
    }
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  return out;
}

/// Merges the groups of one place by offset until `limit` findings are there; then says where the next page
/// begins.
class PlaceReader {
 public:
  PlaceReader(flow::Store& store, const FindingFilter& filter, Place place,
              const std::set<std::string>& groups, const Cursor* from)
      : place_(place), from_(from) {
    for (const auto& group : groups) {
      std::map<std::string, int64_t> shown;
      if (from != nullptr) {
        if (auto it = from->shown.find(group); it != from->shown.end()) shown = it->second;
      }
      streams_.push_back(std::make_unique<FindingStream>(store, filter, place.second, place.first, group,
                                                         from == nullptr ? 0 : from->offset,
                                                         std::move(shown)));
    }
  }

  /// Appends findings of this place; returns the cursor when the page is full and there is more.
  Result<std::optional<Cursor>> read(Json& list, size_t limit, const std::string& cluster) {
    for (;;) {
      FindingStream* next = nullptr;
      const ShownFinding* first = nullptr;
      for (const auto& stream : streams_) {
        auto finding = stream->peek();
        if (!finding) return tl::unexpected(std::move(finding.error()));
        if (*finding == nullptr || (first != nullptr && first->order() < (*finding)->order())) continue;
        first = *finding;
        next = stream.get();
      }
      if (first == nullptr) return std::optional<Cursor>();
      if (!before_cursor(*first)) {
        if (list.size() == limit) return std::optional(cursor_at(*first));
        list.push_back(json_of(*first, cluster));
        shown_.push_back({first->group, first->state, first->last});
      }
      next->pop();
    }
  }

 private:
  struct Shown {
    std::string group, state;
    int64_t last;
  };

  bool before_cursor(const ShownFinding& finding) const {
    return from_ != nullptr && finding.order() < std::tie(from_->offset, from_->group, from_->state);
  }

  Cursor cursor_at(const ShownFinding& first) const {
    Cursor cursor{
        .place = place_, .offset = first.first, .group = first.group, .state = first.state, .shown = {}};
    auto note = [&](const std::string& group, const std::string& state, int64_t last) {
      if (last < first.first) return;
      int64_t& reached = cursor.shown[group][state];
      reached = std::max(reached, last);
    };
    for (const Shown& s : shown_) note(s.group, s.state, s.last);
    if (from_ == nullptr) return cursor;
    for (const auto& [group, states] : from_->shown) {
      for (const auto& [state, last] : states) note(group, state, last);
    }
    return cursor;
  }

  Json json_of(const ShownFinding& f, const std::string& cluster) const {
    return {{"cluster", cluster},
            {"group", f.group},
            {"partition", place_.first},
            {"first_offset", f.first},
            {"last_offset", f.last},
            {"count", f.last - f.first + 1},
            {"state", f.state},
            {"reason", f.reason},
            {"bucket_start", f.bucket_start ? Json(*f.bucket_start) : Json()},
            {"verified_at", f.verified_ms > 0 ? Json(f.verified_ms) : Json()},
            {"found_at", f.lost_ms > 0 ? Json(f.lost_ms) : Json()},
            {"decision", f.decision.empty() ? Json() : Json(f.decision)},
            {"replayed_to", replayed_to(f)}};
  }

  static Json replayed_to(const ShownFinding& f) {
    if (f.decision.empty() || f.to_offset < 0) return {};
    return {{"partition", f.to_partition},
            {"first_offset", f.to_offset},
            {"last_offset", f.to_offset + (f.last - f.first)}};
  }

  Place place_;
  const Cursor* from_;
  std::vector<std::unique_ptr<FindingStream>> streams_;
  std::vector<Shown> shown_;
};

Result<FindingFilter> filter_of(flow::Store& store, std::string_view topic, const Params& params, Now now) {
  FindingFilter filter{.cluster = {}, .topic = std::string(topic), .state = {}, .range = {}};
  if (params("state")) {
    auto state = one_of(params, "state", kStates, "");
    if (!state) return tl::unexpected(std::move(state.error()));
    filter.state = *state;
  }
  if (params("from") || params("to")) {
    auto range = time_range(params, now, {0, INT64_MAX});
    if (!range) return tl::unexpected(std::move(range.error()));
    filter.range = *range;
  }
  auto cluster = find_cluster(store, topic, params);
  if (!cluster) return tl::unexpected(std::move(cluster.error()));
  filter.cluster = *cluster;
  return filter;
}

}  // namespace

Result<std::string> findings_json(flow::Store& store, std::string_view topic, const Params& params, Now now) {
  auto limit = positive_number(params, "limit", kLimitMissing, kLimitMost);
  if (!limit) return tl::unexpected(std::move(limit.error()));
  auto cursor = cursor_param(params);
  if (!cursor) return tl::unexpected(std::move(cursor.error()));
  auto filter = filter_of(store, topic, params, now);
  if (!filter) return tl::unexpected(std::move(filter.error()));
  auto where = places(store, *filter, params("group"));
  if (!where) return tl::unexpected(std::move(where.error()));

  Json list = Json::array();
  Json next;
  const auto begin = *cursor ? where->lower_bound((*cursor)->place) : where->begin();
  for (auto it = begin; it != where->end() && next.is_null(); ++it) {
    const bool resumed = *cursor && (*cursor)->place == it->first;
    PlaceReader reader(store, *filter, it->first, it->second, resumed ? &**cursor : nullptr);
    auto stopped = reader.read(list, static_cast<size_t>(*limit), filter->cluster);
    if (!stopped) return tl::unexpected(std::move(stopped.error()));
    if (*stopped) next = encode(**stopped);
  }
  return text_of(Json{{"findings", std::move(list)}, {"next", std::move(next)}});
}

}  // namespace waybill::audit
