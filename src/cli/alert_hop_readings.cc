// Rules over hops: what was lost, redelivered or is unconfirmed, lag, latency.
#include <algorithm>

#include "audit/query_json.h"
#include "audit/query_rows.h"
#include "audit/query_topic_sums.h"
#include "audit/tables.h"
#include "base/base64.h"
#include "base/percent.h"
#include "base/utf8.h"
#include "cli/alert_readings.h"
#include "tally/latency_sketch.h"

namespace waybill::cli {
namespace {

using audit::Json;
using audit::text_of;
using flow::Filter;
using Kind = AlertDefinition::Kind;

constexpr int64_t kHopRowsMax = 100'000;
constexpr size_t kEvidenceKept = 10'000;  ///< hops whose evidence is remembered

bool concerns(const AlertDefinition& d, std::string_view cluster, std::string_view topic,
              std::string_view group) {
  return wanted(d.clusters, cluster) && wanted(d.topics, topic) && wanted(d.groups, group);
}

alert::Labels hop_labels(std::string_view cluster, std::string_view topic, std::string_view group) {
  alert::Labels labels;
  add_label(labels, "cluster", cluster);
  add_label(labels, "topic", topic);
  add_label(labels, "group", group);
  return labels;
}

/// An int64 column of a row that may be grouped.
int64_t value_of(const flow::TableSpec& table, const flow::Page::Row& row, std::string_view column) {
  return audit::RowView(table, row).number(column);
}

}  // namespace

Result<void> AlertReadings::counted(alert::Book& book, size_t rule, std::string_view state, Now now) {
  const AlertDefinition& d = config_.alerts.definitions[rule];
  const flow::TableSpec& table = audit::partition_table();
  auto page = store_.query({.table = &table,
                            .where = {{std::string(state), Filter::Op::kGt, int64_t{0}}},
                            .group_by = {"cluster", "topic", "grp"},
                            .limit = kHopRowsMax});
  if (!page) return tl::make_unexpected(std::move(page.error()));
  for (const auto& row : page->rows) {
    const std::string &cluster = flow::text(row.key[0]), &topic = flow::text(row.key[1]),
                      &group = flow::text(row.key[2]);
    const int64_t count = value_of(table, row, state);
    if (!concerns(d, cluster, topic, group) || static_cast<double>(count) <= d.above.value_or(0)) continue;
    auto evidence = ranges(cluster, topic, group, std::string(state), count);
    if (!evidence) return tl::make_unexpected(std::move(evidence.error()));
    alert::Observation seen{.labels = hop_labels(cluster, topic, group), .value = static_cast<double>(count)};
    const alert::Place place{cluster, topic, group};
    seen.summary =
        to_utf8(d.kind == Kind::kLost ? texts_.lost(place, count) : texts_.unconfirmed(place, count));
    if (d.kind == Kind::kLost) seen.description = texts_.lost_advice();
    seen.evidence = std::move(*evidence);
    seen.link = "#/findings?topic=" + percent_encode(topic) + "&cluster=" + percent_encode(cluster) +
                "&group=" + percent_encode(group);
    book.observe(rule, std::move(seen), now);
  }
  return {};
}

Result<std::string> AlertReadings::ranges(const std::string& cluster, const std::string& topic,
                                          const std::string& group, const std::string& state, int64_t count) {
  if (evidence_.size() > kEvidenceKept) evidence_.clear();
  Seen& seen = evidence_[cluster + '\n' + topic + '\n' + group + '\n' + state];
  if (seen.count == count && !seen.evidence.empty()) return seen.evidence;
  Json list = Json::array();
  int64_t listed = 0;
  flow::Query query{.table = &audit::finding_table(),
                    .where = {{"cluster", Filter::Op::kEq, cluster},
                              {"topic", Filter::Op::kEq, topic},
                              {"grp", Filter::Op::kEq, group},
                              {"state", Filter::Op::kEq, state}},
                    .limit = 10 * kEvidenceRows};
  auto page = store_.query(query);
  if (!page) return tl::make_unexpected(std::move(page.error()));
  for (const auto& row : page->rows) {
    const audit::RowView view(audit::finding_table(), row);
    const int64_t part = view.number("part"), first = view.number("first_offset"),
                  last = view.number("last_offset");
    Json* before = list.empty() ? nullptr : &list.back();
    if (before && (*before)["partition"] == part && (*before)["last_offset"] == first - 1 &&
        (*before)["reason"] == view.text("reason")) {
      (*before)["last_offset"] = last;
    } else if (static_cast<int64_t>(list.size()) < kEvidenceRows) {
      list.push_back({{"partition", part},
                      {"first_offset", first},
                      {"last_offset", last},
                      {"reason", view.text("reason")},
                      {"found", view.number("found_ms")}});
    } else {
      break;
    }
    listed += last - first + 1;
  }
  seen.count = count;
  seen.evidence = text_of({{"cluster", cluster},
                           {"topic", topic},
                           {"group", group},
                           {"state", state},
                           {"count", count},
                           {"listed", listed},
                           {"ranges", std::move(list)}});
  return seen.evidence;
}

Result<void> AlertReadings::lag(alert::Book& book, size_t rule, Now now) {
  const AlertDefinition& d = config_.alerts.definitions[rule];
  auto topics = audit::read_topics(store_, {});
  if (!topics) return tl::make_unexpected(std::move(topics.error()));
  for (const auto& [key, topic] : *topics) {
    for (const auto& [group, sum] : topic.groups) {
      if (!concerns(d, key.first, key.second, group)) continue;
      const audit::Lag lag = audit::lag_of(topic, sum, now);
      const bool many = d.above && lag.messages && static_cast<double>(*lag.messages) > *d.above;
      const bool old = d.older && lag.seconds && *lag.seconds * 1000 > static_cast<double>(d.older->count());
      if (!many && !old) continue;
      alert::Observation seen{.labels = hop_labels(key.first, key.second, group)};
      const alert::Place place{key.first, key.second, group};
      const auto age = static_cast<int64_t>(lag.seconds.value_or(0) * 1000);
      seen.value = many ? static_cast<double>(*lag.messages) : *lag.seconds;
      seen.summary =
          to_utf8(many ? texts_.lag_messages(place, *lag.messages) : texts_.lag_time(place, Millis(age)));
      seen.evidence = text_of({{"cluster", key.first},
                               {"topic", key.second},
                               {"group", group},
                               {"lag_messages", lag.messages ? Json(*lag.messages) : Json()},
                               {"lag_seconds", lag.seconds ? Json(*lag.seconds) : Json()}});
      seen.link = "#/topics/" + percent_encode(key.first) + "/" + percent_encode(key.second);
      book.observe(rule, std::move(seen), now);
    }
  }
  return {};
}

Result<void> AlertReadings::buckets(alert::Book& book, size_t rule, Now now) {
  const AlertDefinition& d = config_.alerts.definitions[rule];
  const flow::TableSpec& table = audit::bucket_table();
  auto topics = store_.query(
      {.table = &audit::partition_table(), .group_by = {"cluster", "topic"}, .limit = kHopRowsMax});
  if (!topics) return tl::make_unexpected(std::move(topics.error()));
  for (const auto& topic : topics->rows) {
    const std::string &cluster = flow::text(topic.key[0]), &name = flow::text(topic.key[1]);
    if (!wanted(d.clusters, cluster) || !wanted(d.topics, name)) continue;
    auto page = store_.query({.table = &table,
                              .where = {{"cluster", Filter::Op::kEq, cluster},
                                        {"topic", Filter::Op::kEq, name},
                                        {"kind", Filter::Op::kEq, int64_t{0}},
                                        {"start", Filter::Op::kGe, now.wall_ms - d.window.count()}},
                              .group_by = {"grp"},
                              .limit = kHopRowsMax});
    if (!page) return tl::make_unexpected(std::move(page.error()));
    for (const auto& row : page->rows) {
      const std::string& group = flow::text(row.key[0]);
      if (group.empty() || !wanted(d.groups, group)) continue;
      const audit::RowView view(table, row);
      const int64_t consumed = view.number("distinct_offsets"), again = view.number("redelivered");
      alert::Observation seen{.labels = hop_labels(cluster, name, group)};
      const alert::Place place{cluster, name, group};
      Json evidence{{"cluster", cluster}, {"topic", name}, {"group", group}, {"window_ms", d.window.count()}};
      if (d.kind == Kind::kRedelivered) {
        if (consumed < d.min_count || static_cast<double>(again) <= d.ratio * static_cast<double>(consumed))
          continue;
        seen.value = static_cast<double>(again) / static_cast<double>(consumed);
        seen.summary = to_utf8(texts_.redelivered(place, again, consumed, d.window));
        evidence["redelivered"] = again;
        evidence["consumed"] = consumed;
      } else {
        auto bytes = base64_decode(view.text("latency"));
        if (!bytes) continue;
        auto sketch = tally::LatencySketch::decode(*bytes);
        if (!sketch || static_cast<int64_t>(sketch->count()) < d.min_count) continue;
        const int64_t is = sketch->quantile(d.percentile / 100.0);
        if (is <= d.older.value_or(Millis(0)).count()) continue;
        seen.value = static_cast<double>(is) / 1000;
        seen.summary = to_utf8(texts_.latency(place, d.percentile, Millis(is), d.window));
        evidence["percentile"] = d.percentile;
        evidence["latency_ms"] = is;
        evidence["count"] = sketch->count();
      }
      seen.evidence = text_of(evidence);
      seen.link = "#/topics/" + percent_encode(cluster) + "/" + percent_encode(name);
      book.observe(rule, std::move(seen), now);
    }
  }
  return {};
}

}  // namespace waybill::cli
