#include "audit/decisions.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "audit/query_json.h"
#include "audit/query_params.h"
#include "audit/query_rows.h"
#include "audit/tables.h"

namespace waybill::audit {
namespace {

constexpr int64_t kDecidedRowsMax = 2'000'000;
constexpr int64_t kDecisionsMax = 10'000;
constexpr std::string_view kNoGroupName = "(none)";  ///< readers without group.id, see tables.h

/// A whole number >= 0, when it is there.
Result<std::optional<int64_t>> whole(const Params& params, std::string_view name) {
  auto text = params(name);
  if (!text) return std::optional<int64_t>();
  int64_t value = -1;
  auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (code != std::errc() || end != text->data() + text->size() || value < 0 || value > (int64_t{1} << 56))
    return fail(Errc::kInvalid, std::string(name) + ": a whole number from 0 on is needed");
  return std::optional(value);
}

struct Wanted {
  std::string group, state;
  std::optional<TimeRange> times;
  std::optional<int64_t> partition, first, last;
};

Result<Wanted> wanted(const Params& params, Now now) {
  Wanted w;
  w.group = params("group").value_or("");
  if (w.group.empty()) return fail(Errc::kInvalid, "group: the consumer group is needed");
  w.state = params("state").value_or("lost");
  for (auto [name, out] : {std::pair("partition", &w.partition), std::pair("first_offset", &w.first),
                           std::pair("last_offset", &w.last)}) {
    auto value = whole(params, name);
    if (!value) return tl::make_unexpected(value.error());
    *out = *value;
  }
  if ((w.first || w.last) && !w.partition)
    return fail(Errc::kInvalid, "first_offset and last_offset need a partition");
  if (w.first.value_or(0) > w.last.value_or(INT64_MAX - 1))
    return fail(Errc::kInvalid, "first_offset lies behind last_offset");
  if (params("from") || params("to")) {
    auto range = time_range(params, now, {0, INT64_MAX});
    if (!range) return tl::make_unexpected(range.error());
    w.times = *range;
  }
  return w;
}

/// The newest life of the topic that has rows.
Result<int64_t> incarnation_of(flow::Store& store, const std::string& cluster, std::string_view topic) {
  int64_t newest = 0;
  flow::Query query{.table = &partition_table(),
                    .where = {equals("cluster", cluster), equals("topic", std::string(topic))}};
  auto done = each_row(store, query, kDecidedRowsMax, [&](const RowView& row) {
    if (row.number("part") >= 0) newest = std::max(newest, row.number("incarnation"));
  });
  if (!done) return tl::make_unexpected(done.error());
  return newest;
}

std::vector<DecisionRow::Run> runs_of(const std::string& text) {
  std::vector<DecisionRow::Run> out;
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_array()) return out;
  for (const Json& item : json) {
    if (!item.is_array() || item.size() < 3) continue;
    DecisionRow::Run run{item[0].get<int64_t>(), item[1].get<int64_t>(), item[2].get<int64_t>()};
    if (item.size() == 5) {
      run.to_partition = item[3].get<int64_t>();
      run.to_first = item[4].get<int64_t>();
    }
    out.push_back(run);
  }
  return out;
}

Json runs_json(const std::vector<DecisionRow::Run>& runs) {
  Json out = Json::array();
  for (const DecisionRow::Run& r : runs) {
    Json item{{"partition", r.partition}, {"first_offset", r.first}, {"last_offset", r.last}};
    if (r.to_first >= 0) {
      item["to_partition"] = r.to_partition;
      item["to_first_offset"] = r.to_first;
    }
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace

int64_t Selection::messages() const {
  int64_t n = 0;
  for (const LostRange& r : ranges) n += r.range.size();
  return n;
}

Result<Selection> select_lost(flow::Store& store, std::string_view topic, const Params& params, Now now) {
  auto want = wanted(params, now);
  if (!want) return tl::make_unexpected(want.error());
  auto cluster = find_cluster(store, topic, params);
  if (!cluster) return tl::make_unexpected(cluster.error());
  auto incarnation = incarnation_of(store, *cluster, topic);
  if (!incarnation) return tl::make_unexpected(incarnation.error());
  Selection selection{*cluster, *incarnation, {}};
  flow::Query query{.table = &finding_table(),
                    .where = {equals("cluster", *cluster), equals("topic", std::string(topic)),
                              equals("incarnation", *incarnation)}};
  if (want->partition) query.where.push_back(equals("part", *want->partition));
  query.where.push_back(equals("grp", want->group));
  query.where.push_back(equals("state", want->state));
  if (want->last) query.where.push_back({"first_offset", flow::Filter::Op::kLe, *want->last});
  if (want->times) {
    query.where.push_back(equals("bucket_kind", int64_t{0}));
    query.where.push_back({"bucket_start", flow::Filter::Op::kGe, want->times->from_ms});
    query.where.push_back({"bucket_start", flow::Filter::Op::kLt, want->times->to_ms});
  }
  auto done = each_row(store, query, kDecidedRowsMax, [&](const RowView& row) {
    LostRange r{PartitionId(static_cast<int32_t>(row.number("part"))),
                {Offset(std::max(row.number("first_offset"), want->first.value_or(0))),
                 Offset(std::min(row.number("last_offset"), want->last.value_or(INT64_MAX - 1)) + 1)},
                row.text("state"),
                row.text("reason"),
                row.text("decision")};
    if (!r.range.empty() && selection.ranges.size() <= kSelectionMax)
      selection.ranges.push_back(std::move(r));
  });
  if (!done) return tl::make_unexpected(done.error());
  if (selection.ranges.size() > kSelectionMax) {
    return fail(Errc::kLimit, "these are more than " + std::to_string(kSelectionMax) +
                                  " ranges; take them in parts, by time or by partition");
  }
  std::sort(selection.ranges.begin(), selection.ranges.end(), [](const LostRange& a, const LostRange& b) {
    return std::pair(a.partition, a.range.begin) < std::pair(b.partition, b.range.begin);
  });
  return selection;
}

std::vector<tally::DecidedPartition> decided(const std::vector<LostRange>& ranges) {
  std::vector<tally::DecidedPartition> out;
  for (const LostRange& r : ranges) {
    if (out.empty() || out.back().partition != r.partition)
      out.push_back({r.partition, {}, PartitionId(0), {}});
    auto& list = out.back().ranges;
    if (!list.empty() && r.range.begin <= list.back().end) {
      list.back().end = std::max(list.back().end, r.range.end);
    } else {
      list.push_back(r.range);
    }
  }
  return out;
}

Result<std::vector<DecisionRow>> decisions(flow::Store& store, std::string_view cluster,
                                           std::string_view topic, std::string_view group,
                                           std::string_view id) {
  flow::Query query{.table = &decision_table(),
                    .where = {equals("cluster", std::string(cluster)), equals("topic", std::string(topic))}};
  if (!group.empty()) query.where.push_back(equals("grp", std::string(group)));
  if (!id.empty()) query.where.push_back(equals("decision", std::string(id)));
  std::vector<DecisionRow> out;
  auto done = each_row(store, query, kDecisionsMax, [&](const RowView& row) {
    out.push_back({.id = row.text("decision"),
                   .group = row.text("grp"),
                   .kind = row.text("kind"),
                   .state = row.text("state"),
                   .by = row.text("by_whom"),
                   .reason = row.text("reason"),
                   .to_topic = row.text("to_topic"),
                   .detail = row.text("detail"),
                   .decided_ms = row.number("decided_ms"),
                   .applied_ms = row.number("applied_ms"),
                   .incarnation = row.number("incarnation"),
                   .messages = row.number("messages"),
                   .ranges = runs_of(row.text("ranges")),
                   .moved = runs_of(row.text("moved")),
                   .unsure = runs_of(row.text("unsure"))});
  });
  if (!done) return tl::make_unexpected(done.error());
  std::stable_sort(out.begin(), out.end(),
                   [](const DecisionRow& a, const DecisionRow& b) { return a.decided_ms > b.decided_ms; });
  return out;
}

Result<std::vector<std::string>> groups_of(flow::Store& store, std::string_view cluster,
                                           std::string_view topic) {
  std::set<std::string> names;
  flow::Query query{.table = &partition_table(),
                    .where = {equals("cluster", std::string(cluster)), equals("topic", std::string(topic))}};
  auto done = each_row(store, query, kDecidedRowsMax, [&](const RowView& row) {
    const std::string& name = row.text("grp");
    if (!name.empty() && name != kNoGroupName) names.insert(name);
  });
  if (!done) return tl::make_unexpected(done.error());
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::string> decisions_json(flow::Store& store, std::string_view topic, const Params& params, Now) {
  auto cluster = find_cluster(store, topic, params);
  if (!cluster) return tl::make_unexpected(cluster.error());
  auto rows = decisions(store, *cluster, topic, params("group").value_or(""), "");
  if (!rows) return tl::make_unexpected(rows.error());
  Json list = Json::array();
  for (const DecisionRow& d : *rows) {
    list.push_back({{"cluster", *cluster},
                    {"decision", d.id},
                    {"group", d.group},
                    {"kind", d.kind},
                    {"state", d.state},
                    {"by", d.by},
                    {"reason", d.reason},
                    {"decided_at", d.decided_ms},
                    {"applied_at", d.applied_ms},
                    {"messages", d.messages},
                    {"to_topic", d.to_topic.empty() ? Json() : Json(d.to_topic)},
                    {"ranges", runs_json(d.ranges)},
                    {"moved", runs_json(d.moved)},
                    {"unsure", runs_json(d.unsure)},
                    {"detail", d.detail}});
  }
  return text_of(Json{{"decisions", std::move(list)}});
}

}  // namespace waybill::audit
