// Watches, and the order of the rules.
#include "cli/alert_readings.h"

#include <algorithm>
#include <set>

#include "alert/tables.h"
#include "audit/query_json.h"
#include "base/assert.h"
#include "base/utf8.h"
#include "watch/tables.h"

namespace waybill::cli {
namespace {

using audit::Json;
using audit::text_of;
using flow::Filter;

/// The fields of `by` with their values.
std::vector<std::pair<std::string, std::string>> by_of(const WatchDefinition& watch,
                                                       const std::string& group) {
  std::vector<std::pair<std::string, std::string>> out;
  size_t at = 0;
  for (const std::string& field : watch.rule.by) {
    const size_t end = std::min(group.find('\x1f', at), group.size());
    out.emplace_back(field, group == watch::kOtherGroup ? group : group.substr(at, end - at));
    at = std::min(end + 1, group.size());
  }
  return out;
}

}  // namespace

std::string label_name(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    const bool digit = c >= '0' && c <= '9';
    if (digit && out.empty()) out += '_';
    out += letter || digit ? c : '_';
  }
  if (out.empty() || out == "alertname" || out == "severity") out = "by_" + out;
  return out;
}

void add_label(alert::Labels& labels, std::string_view name, std::string_view value) {
  if (!value.empty()) labels[label_name(name)] = to_utf8(value);
}

bool wanted(const std::vector<std::string>& list, std::string_view name) {
  return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
}

std::vector<SourceReading> source_readings(const std::vector<JobStatus>& statuses) {
  std::vector<SourceReading> out;
  for (const JobStatus& status : statuses) {
    const bool stopped = status.state == JobStatus::State::kStopped;
    std::string detail = status.error ? status.error->message : status.health.source.detail;
    if (detail.empty()) detail = status.health.last_error;
    out.push_back({status.health.engine + "/" + status.health.name,
                   stopped ? status.error.has_value() : status.health.source.degraded, to_utf8(detail),
                   status.health.source.lag_messages});
  }
  return out;
}

std::vector<alert::Rule> alert_rules(const Config& config) {
  std::vector<alert::Rule> rules;
  for (const AlertDefinition& definition : config.alerts.definitions) rules.push_back(definition.rule);
  for (const WatchDefinition& watch : config.watch.definitions) {
    if (watch.notify.empty()) continue;
    rules.push_back({.name = watch.rule.name,
                     .severity = static_cast<alert::Severity>(watch.severity),
                     .pending_for = watch.pending_for,
                     .notify = watch.notify});
  }
  return rules;
}

AlertReadings::AlertReadings(const Config& config, flow::Store& store)
    : config_(config), store_(store), texts_(config.alerts.locale) {
  size_t rule = config.alerts.definitions.size();
  rule_of_watch_.resize(config.watch.definitions.size());
  for (size_t i = 0; i < config.watch.definitions.size(); ++i) {
    if (config.watch.definitions[i].notify.empty()) continue;
    watch_rules_[config.watch.definitions[i].rule.name] = i;
    rule_of_watch_[i] = rule++;
  }
  auto program = kpi::Program::compile(config.kpi.definitions);
  ASSERT(program.has_value());  // the configuration's check has compiled them before
  program_ = *program;
}

Result<bool> AlertReadings::watches(alert::Book& book, flow::Rows& rows, Now now) {
  auto page = store_.query({.table = &watch::touched_table(), .limit = kTouchedPage});
  if (!page) return tl::make_unexpected(std::move(page.error()));
  std::set<WindowKey> windows;
  for (const auto& row : page->rows) {
    rows.push_back({&watch::touched_table(), flow::RowChange::Op::kErase, row.key, {}});
    auto at = watch_rules_.find(flow::text(row.key[0]));
    if (at != watch_rules_.end())
      windows.emplace(at->second, flow::number(row.key[1]), flow::text(row.key[2]));
  }
  if (hot_.size() > kHotMax) hot_.clear();
  for (auto it = hot_.begin(); it != hot_.end();) {
    Hot& hot = it->second;
    const bool due = now.steady_ms - hot.looked_ms >= kHotEvery.count();
    hot.grown |= windows.contains(it->first);
    if (!due)
      windows.erase(it->first);
    else if (hot.grown)
      windows.insert(it->first);
    it = due && !hot.grown ? hot_.erase(it) : std::next(it);
  }
  for (const auto& [definition, window_ms, group] : windows) {
    if (auto done = window(book, definition, window_ms, group, now); !done)
      return tl::make_unexpected(std::move(done.error()));
  }
  return static_cast<int64_t>(page->rows.size()) >= kTouchedPage;
}

Result<void> AlertReadings::window(alert::Book& book, size_t definition, int64_t window_ms,
                                   const std::string& group, Now now) {
  const WatchDefinition& watch = config_.watch.definitions[definition];
  auto page = store_.query({.table = &watch::window_table(),
                            .where = {{"watch", Filter::Op::kEq, watch.rule.name},
                                      {"window_ms", Filter::Op::kEq, window_ms},
                                      {"grp", Filter::Op::kEq, group}},
                            .group_by = {"watch", "window_ms", "grp"}});
  if (!page) return tl::make_unexpected(std::move(page.error()));
  if (page->rows.empty() || flow::number(page->rows[0].values[0]) < watch.threshold) return {};
  const auto& values = page->rows[0].values;
  const int64_t count = flow::number(values[0]);
  Hot& hot = hot_[{definition, window_ms, group}];
  hot.looked_ms = now.steady_ms;
  hot.grown = false;
  if (hot.samples.empty()) {
    auto kept = samples(watch, window_ms, group);
    if (!kept) return tl::make_unexpected(std::move(kept.error()));
    hot.samples = std::move(*kept);
  }
  alert::Observation seen;
  Json by = Json::object();
  std::string by_text;
  for (const auto& [field, value] : by_of(watch, group)) {
    by[field] = value;
    by_text += (by_text.empty() ? "" : ", ") + field + "=" + value;
    add_label(seen.labels, field, value);
  }
  seen.value = static_cast<double>(count);
  seen.summary = texts_.watch(watch.rule.name, to_utf8(by_text), count, watch.threshold, watch.window);
  Json evidence{{"watch", watch.rule.name},
                {"window", window_ms},
                {"window_ms", watch.window.count()},
                {"by", std::move(by)},
                {"count", count},
                {"threshold", watch.threshold},
                {"first", flow::number(values[1])},
                {"last", flow::number(values[2])},
                {"samples", Json::array()}};
  if (auto list = Json::parse(hot.samples, nullptr, false); list.is_array())
    evidence["samples"] = std::move(list);
  seen.evidence = text_of(evidence);
  seen.link = "#/watches/" + watch.rule.name;
  seen.holds_ms = watch.window.count();
  book.observe(rule_of_watch_[definition], std::move(seen), now);
  return {};
}

Result<std::string> AlertReadings::samples(const WatchDefinition& watch, int64_t window_ms,
                                           const std::string& group) {
  constexpr size_t kSamples = 3;
  constexpr int64_t kLookedAt = 500;
  auto page = store_.query(
      {.table = &watch::sample_table(),
       .where = {{"watch", Filter::Op::kEq, watch.rule.name}, {"window_ms", Filter::Op::kEq, window_ms}},
       .limit = kLookedAt});
  if (!page) return tl::make_unexpected(std::move(page.error()));
  Json out = Json::array();
  for (const auto& row : page->rows) {
    if (flow::text(row.values[1]) != group || out.size() >= kSamples) continue;
    std::string text = flow::text(row.values[3]).substr(0, kEvidenceTextMax);
    Json fields = Json::parse(flow::text(row.values[2]), nullptr, false);
    out.push_back({{"cluster", flow::text(row.key[2])},
                   {"topic", flow::text(row.key[3])},
                   {"partition", flow::number(row.key[4])},
                   {"offset", flow::number(row.key[5])},
                   {"time", flow::number(row.values[0])},
                   {"fields", fields.is_object() && flow::text(row.values[2]).size() <= kEvidenceTextMax
                                  ? fields
                                  : Json::object()},
                   {"text", std::move(text)}});
  }
  return text_of(out);
}

Result<void> AlertReadings::sweep(alert::Book& book, const std::vector<SourceReading>& own, Now now) {
  Result<void> first;
  for (size_t rule = 0; rule < config_.alerts.definitions.size(); ++rule) {
    book.begin_sweep(rule);
    auto done = one(book, rule, own, now);
    if (done) {
      book.end_sweep(rule, now);
    } else if (first) {
      first = tl::make_unexpected(
          std::move(done.error()).within("alerts." + config_.alerts.definitions[rule].rule.name));
    }
  }
  return first;
}

}  // namespace waybill::cli
