// Rules over ledgers, KPIs, reporters, incomplete data and our own sources.
#include <algorithm>
#include <set>

#include "alert/tables.h"
#include "audit/query_json.h"
#include "audit/query_rows.h"
#include "audit/tables.h"
#include "base/utf8.h"
#include "cli/alert_readings.h"
#include "kpi/query.h"
#include "ledger/tables.h"

namespace waybill::cli {
namespace {

using audit::Json;
using audit::text_of;
using flow::Filter;
using Kind = AlertDefinition::Kind;

constexpr int64_t kReadMax = 100'000;
constexpr int64_t kVanishedForMs = 86'400'000;  ///< a reporter that vanished longer ago is no news
constexpr int64_t kStillGoingOnMs = 120'000;    ///< an interval that ended since then may go on
constexpr int64_t kSourceFreshMs = 30'000;      ///< a process that said nothing for so long is gone
constexpr int64_t kKpiSettleMs = 10'000;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kBehindMs = 600'000;  ///< reading of a topic may be so far behind

/// "duration_ms.max" in {"duration_ms":{"max":1}}.
std::optional<double> number_at(const Json& values, const std::string& path) {
  const Json* at = &values;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    auto it = at->find(path.substr(begin, end - begin));
    if (!at->is_object() || it == at->end()) return std::nullopt;
    at = &*it;
    begin = end + 1;
  }
  if (!at->is_number()) return std::nullopt;
  return at->get<double>();
}

}  // namespace

Result<void> AlertReadings::one(alert::Book& book, size_t rule, const std::vector<SourceReading>& own,
                                Now now) {
  switch (config_.alerts.definitions[rule].kind) {
    case Kind::kLost:
      return counted(book, rule, "lost", now);
    case Kind::kUnconfirmed:
      return counted(book, rule, "unconfirmed", now);
    case Kind::kRedelivered:
    case Kind::kLatency:
      return buckets(book, rule, now);
    case Kind::kLag:
      return lag(book, rule, now);
    case Kind::kUnconsumed:
      return unconsumed(book, rule, now);
    case Kind::kVanished:
      return reporters(book, rule, now);
    case Kind::kIncomplete:
      return incomplete(book, rule, now);
    case Kind::kOwnLag:
    case Kind::kDegraded:
      return sources(book, rule, own, now);
    case Kind::kKpi:
      return kpis(book, rule, now);
  }
  return {};
}

Result<void> AlertReadings::unconsumed(alert::Book& book, size_t rule, Now now) {
  const AlertDefinition& d = config_.alerts.definitions[rule];
  const flow::TableSpec& table = ledger::bucket_table();
  if (config_.ledgers.empty()) return {};
  auto page = store_.query({.table = &table,
                            .where = {{"unconsumed", Filter::Op::kGt, int64_t{0}}},
                            .group_by = {"ledger", "consumer"},
                            .limit = kReadMax});
  if (!page) return tl::make_unexpected(std::move(page.error()));
  for (const auto& row : page->rows) {
    const std::string &ledger = flow::text(row.key[0]), &consumer = flow::text(row.key[1]);
    const int64_t count = audit::RowView(table, row).number("unconsumed");
    if (consumer.empty() || static_cast<double>(count) <= d.above.value_or(0)) continue;
    auto rows = store_.query({.table = &ledger::exception_table(),
                              .where = {{"ledger", Filter::Op::kEq, ledger},
                                        {"kind", Filter::Op::kEq, "unconsumed"},
                                        {"consumer", Filter::Op::kEq, consumer}},
                              .limit = kEvidenceRows});
    if (!rows) return tl::make_unexpected(std::move(rows.error()));
    Json messages = Json::array();
    for (const auto& one : rows->rows)
      messages.push_back({{"uid", flow::text(one.key[3])},
                          {"producer", flow::text(one.key[4])},
                          {"produced", flow::number(one.key[2])}});
    alert::Observation seen{.value = static_cast<double>(count)};
    add_label(seen.labels, "ledger", ledger);
    add_label(seen.labels, "consumer", consumer);
    seen.summary = to_utf8(texts_.unconsumed(ledger, consumer, count));
    seen.evidence = text_of(
        {{"ledger", ledger}, {"consumer", consumer}, {"count", count}, {"messages", std::move(messages)}});
    seen.link = "#/ledger";
    book.observe(rule, std::move(seen), now);
  }
  return {};
}

Result<void> AlertReadings::reporters(alert::Book& book, size_t rule, Now now) {
  std::set<std::string> told;
  auto done =
      audit::each_row(store_,
                      {.table = &audit::reporter_table(),
                       .where = {{"vanished", Filter::Op::kEq, int64_t{1}},
                                 {"closed", Filter::Op::kEq, int64_t{0}},
                                 {"last_seen_ms", Filter::Op::kGe, now.wall_ms - kVanishedForMs}}},
                      kReadMax, [&](const audit::RowView& row) {
                        const std::string &cluster = row.text("cluster"), &reporter = row.text("reporter");
                        if (!told.insert(cluster + '\n' + reporter).second)
                          return;  // of several audit partitions
                        alert::Observation seen{.value = 1};
                        add_label(seen.labels, "cluster", cluster);
                        add_label(seen.labels, "reporter", reporter);
                        add_label(seen.labels, "host", row.text("host"));
                        add_label(seen.labels, "service", row.text("service"));
                        seen.summary = to_utf8(texts_.vanished(cluster, reporter, row.text("host")));
                        seen.evidence = text_of({{"cluster", cluster},
                                                 {"reporter", reporter},
                                                 {"host", row.text("host")},
                                                 {"pid", row.number("pid")},
                                                 {"last_seen", row.number("last_seen_ms")},
                                                 {"topics", row.text("topics").substr(0, kEvidenceTextMax)}});
                        seen.link = "#/reporters";
                        book.observe(rule, std::move(seen), now);
                      });
  return done;
}

Result<void> AlertReadings::incomplete(alert::Book& book, size_t rule, Now now) {
  const AlertDefinition& d = config_.alerts.definitions[rule];
  struct Hole {
    int64_t from_ms = INT64_MAX;
    std::set<std::string> reasons;
  };
  std::map<std::pair<std::string, std::string>, Hole> holes;
  auto done = audit::each_row(
      store_, {.table = &audit::incomplete_table()}, kReadMax, [&](const audit::RowView& row) {
        const int64_t to = row.number("to_ms");
        const bool going_on = to == 0 || to >= now.wall_ms - kStillGoingOnMs;
        // A vanished reporter is an alert of its own.
        if (!going_on || row.text("reason") == "reporter_vanished") return;
        if (!wanted(d.clusters, row.text("cluster")) || !wanted(d.topics, row.text("topic"))) return;
        Hole& hole = holes[{row.text("cluster"), row.text("topic")}];
        hole.from_ms = std::min(hole.from_ms, row.number("from_ms"));
        if (static_cast<int64_t>(hole.reasons.size()) < kEvidenceRows)
          hole.reasons.insert(row.text("reason"));
      });
  if (!done) return done;
  for (const auto& [key, hole] : holes) {
    std::string reasons;
    for (const auto& reason : hole.reasons) reasons += (reasons.empty() ? "" : ", ") + reason;
    const int64_t age = std::max<int64_t>(0, now.wall_ms - hole.from_ms) / 60'000 * 60'000;
    alert::Observation seen{.value = static_cast<double>(age) / 1000};
    add_label(seen.labels, "cluster", key.first);
    add_label(seen.labels, "topic", key.second);
    seen.summary = to_utf8(texts_.incomplete(key.first, key.second, reasons, Millis(age)));
    seen.evidence = text_of(
        {{"cluster", key.first}, {"topic", key.second}, {"since", hole.from_ms}, {"reasons", hole.reasons}});
    seen.link = "#/reporters";
    book.observe(rule, std::move(seen), now);
  }
  return {};
}

Result<void> AlertReadings::sources(alert::Book& book, size_t rule, const std::vector<SourceReading>& own,
                                    Now now) {
  const AlertDefinition& d = config_.alerts.definitions[rule];
  std::vector<SourceReading> all = own;
  auto page = store_.query({.table = &alert::source_table(),
                            .where = {{"updated_ms", Filter::Op::kGe, now.wall_ms - kSourceFreshMs}},
                            .limit = kReadMax});
  if (!page) return tl::make_unexpected(std::move(page.error()));
  for (const auto& row : page->rows)
    all.push_back({flow::text(row.key[1]), flow::number(row.values[0]) != 0, flow::text(row.values[1]),
                   flow::number(row.values[2])});
  std::map<std::string, SourceReading> by_source;
  for (const SourceReading& one : all) {
    SourceReading& sum = by_source[one.source];
    sum.lag_messages += one.lag_messages;
    if (one.degraded && !sum.degraded) sum.detail = one.detail;
    sum.degraded |= one.degraded;
  }
  for (const auto& [name, sum] : by_source) {
    const bool lagging = static_cast<double>(sum.lag_messages) > d.above.value_or(0);
    if (d.kind == Kind::kOwnLag ? !lagging : !sum.degraded) continue;
    alert::Observation seen;
    add_label(seen.labels, "source", name);
    seen.value = d.kind == Kind::kOwnLag ? static_cast<double>(sum.lag_messages) : 1;
    seen.summary =
        to_utf8(d.kind == Kind::kOwnLag ? texts_.own_lag(name, sum.lag_messages)
                                        : texts_.degraded(name, sum.detail.substr(0, kEvidenceTextMax)));
    seen.evidence = text_of({{"source", name}, {"lag_messages", sum.lag_messages}, {"detail", sum.detail}});
    seen.link = "#/reporters";
    book.observe(rule, std::move(seen), now);
  }
  return {};
}

Result<void> AlertReadings::kpis(alert::Book& book, size_t rule, Now now) {
  const AlertDefinition& d = config_.alerts.definitions[rule];
  const auto& all = config_.kpi.definitions;
  auto kpi = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == d.kpi; });
  if (kpi == all.end()) return {};
  const int64_t width = kpi->window_ms;
  const kpi::AgentRule agents{.expected = config_.kpi.agents_expected,
                              .silent_ms = config_.kpi.agent_silent.count()};
  const int64_t back = width >= kHourMs ? 2 * width : 3 * width + kBehindMs;
  auto text = kpi::windows_json(store_, *program_, d.kpi, {now.wall_ms - back, now.wall_ms + 1, std::nullopt},
                                agents, now);
  if (!text) return tl::make_unexpected(std::move(text.error()));
  Json answer = Json::parse(*text, nullptr, false);
  if (!answer.is_object()) return fail(Errc::kCorrupt, "the figures of " + d.kpi + " cannot be read");
  std::map<std::string, const Json*> newest;  // by group; windows come in their order
  for (const Json& window : answer["windows"]) {
    // Short windows count when they are over; days are looked at while they grow.
    if (width < kHourMs && window["start_ms"].get<int64_t>() + width + kKpiSettleMs > now.wall_ms) continue;
    newest[window["by"].dump()] = &window;
  }
  for (const auto& [key, window] : newest) {
    const Json& values = (*window)["values"];
    auto value = number_at(values, d.value);
    if (!value || (d.above && *value <= *d.above) || (d.below && *value >= *d.below)) continue;
    if (d.min_count > 0 && number_at(values, d.min_value).value_or(0) < static_cast<double>(d.min_count))
      continue;
    alert::Observation seen{.value = *value};
    add_label(seen.labels, "kpi", d.kpi);
    std::string by;
    for (const auto& [name, part] : (*window)["by"].items()) {
      const std::string shown = part.is_string() ? part.get<std::string>() : part.dump();
      add_label(seen.labels, name, shown);
      by += (by.empty() ? "" : ", ") + name + "=" + shown;
    }
    seen.summary = to_utf8(texts_.kpi(d.kpi, d.value, by, *value, d.above ? *d.above : *d.below,
                                      (*window)["start"].get<std::string>()));
    seen.evidence = text_of({{"kpi", d.kpi},
                             {"value", d.value},
                             {"is", *value},
                             {d.above ? "above" : "below", d.above ? *d.above : *d.below},
                             {"window", *window}});
    seen.link = "#/kpi/" + d.kpi;
    book.observe(rule, std::move(seen), now);
  }
  return {};
}

}  // namespace waybill::cli
