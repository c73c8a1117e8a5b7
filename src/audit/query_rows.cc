#include "audit/query_rows.h"

#include <algorithm>
#include <limits>

#include "audit/tables.h"
#include "base/assert.h"

namespace waybill::audit {

const flow::Value& RowView::at(std::string_view column) const {
  for (size_t i = 0; i < table_.values.size(); ++i) {
    if (table_.values[i].name == column) return row_.values[i];
  }
  for (size_t i = 0; i < table_.keys.size(); ++i) {
    if (table_.keys[i].name == column) return row_.key.at(i);
  }
  ASSERT(false && "a column that the table does not have");
  return row_.key.front();
}

flow::Filter equals(std::string_view column, flow::Value value) {
  return {std::string(column), flow::Filter::Op::kEq, std::move(value)};
}

Result<void> each_row(flow::Store& store, flow::Query query, int64_t most,
                      const std::function<void(const RowView& row)>& take) {
  int64_t seen = 0;
  for (;;) {
    auto page = store.query(query);
    if (!page) return tl::unexpected(std::move(page.error()));
    for (const auto& row : page->rows) {
      if (++seen > most)
        return fail(Errc::kLimit,
                    "the answer would need more than " + std::to_string(most) + " rows: ask for less");
      take(RowView(*query.table, row));
    }
    if (!page->next) return {};
    query.cursor = std::move(*page->next);
  }
}

namespace {

constexpr size_t kClustersMax = 10'000;

/// The clusters that have rows, one short look each: no key of the table begins with the topic.
Result<std::vector<std::string>> clusters_of(flow::Store& store) {
  std::vector<std::string> clusters;
  flow::Query query{.table = &partition_table(), .limit = 1};
  while (clusters.size() < kClustersMax) {
    auto page = store.query(query);
    if (!page) return tl::unexpected(std::move(page.error()));
    if (page->rows.empty()) break;
    clusters.push_back(std::get<std::string>(page->rows.front().key[0]));
    query.where = {{"cluster", flow::Filter::Op::kGt, clusters.back()}};
  }
  return clusters;
}

}  // namespace

Result<std::string> find_cluster(flow::Store& store, std::string_view topic, const Params& params) {
  const auto wanted = params("cluster");
  std::vector<std::string> candidates;
  if (wanted) {
    candidates.push_back(*wanted);
  } else {
    auto all = clusters_of(store);
    if (!all) return tl::unexpected(std::move(all.error()));
    candidates = std::move(*all);
  }
  std::string found, list;
  size_t times = 0;
  for (std::string& cluster : candidates) {
    auto page = store.query({.table = &partition_table(),
                             .where = {equals("cluster", cluster), equals("topic", std::string(topic))},
                             .limit = 1});
    if (!page) return tl::unexpected(std::move(page.error()));
    if (page->rows.empty()) continue;
    ++times;
    list += (list.empty() ? "" : ", ") + cluster;
    found = std::move(cluster);
  }
  if (times == 1) return found;
  if (times == 0) {
    return fail(Errc::kNotFound, "no topic \"" + std::string(topic) + "\"" +
                                     (wanted ? " in cluster \"" + *wanted + "\"" : "") + " is known");
  }
  return fail(Errc::kConflict, "topic \"" + std::string(topic) +
                                   "\" is in several clusters; say which with ?cluster=: " + list);
}

Result<Holes> Holes::of(flow::Store& store, std::string_view cluster, std::string_view topic) {
  constexpr int64_t kMost = 1'000'000;
  Holes out;
  for (std::string_view name : {topic, std::string_view()}) {
    flow::Query query{.table = &incomplete_table(),
                      .where = {equals("cluster", std::string(cluster)), equals("topic", std::string(name))}};
    auto done = each_row(store, query, kMost, [&](const RowView& row) {
      const int64_t to_ms = row.number("to_ms");
      out.holes_.push_back({row.text("reason"), row.number("from_ms"),
                            to_ms == 0 ? std::numeric_limits<int64_t>::max() : to_ms});
    });
    if (!done) return tl::unexpected(std::move(done.error()));
  }
  return out;
}

bool Holes::complete(int64_t from_ms, int64_t to_ms) const {
  return std::none_of(holes_.begin(), holes_.end(),
                      [&](const MissingTime& hole) { return hole.from_ms < to_ms && hole.to_ms >= from_ms; });
}

}  // namespace waybill::audit
