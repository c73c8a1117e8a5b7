#include "cli/alert_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "alert/alert.h"
#include "alert/tables.h"
#include "audit/query_params.h"
#include "cli/host.h"
#include "cli/operator_body.h"

namespace waybill::cli {
namespace {

using flow::Filter;
using flow::number;
using flow::text;

constexpr int64_t kAlertRowsMax = 100'000;
constexpr int64_t kAlertsShown = 200, kAlertsShownMax = 1'000;
constexpr int64_t kEventsRead = 1'000;
constexpr size_t kEventsShown = 50;
constexpr Millis kMuteMax{366LL * 86'400'000};
constexpr int kWriteTries = 5;
constexpr std::string_view kMutesTask = "alerts/mutes";

Json when(int64_t ms) { return ms > 0 ? Json(ms) : Json(); }

Json parsed(const std::string& json) {
  Json out = Json::parse(json, nullptr, false);
  return out.is_discarded() ? Json() : out;
}

double amount(const flow::Value& value) {
  const auto* real = std::get_if<double>(&value);
  return real ? *real : static_cast<double>(number(value));
}

/// Firing, pending, resolved; the newest first.
std::pair<int, int64_t> order_of(const flow::Page::Row& row) {
  const std::string& state = text(row.values[2]);
  return {state == "firing" ? 0 : state == "pending" ? 1 : 2, -number(row.values[10])};
}

class AlertApi {
 public:
  AlertApi(const Config& config, flow::Store& store, const Clock& clock)
      : config_(config), store_(store), clock_(clock) {}

  Result<std::string> list(const http::Request& request) const {
    auto param = [&request](std::string_view name) { return request.param(name); };
    auto limit = audit::positive_number(param, "limit", kAlertsShown, kAlertsShownMax);
    if (!limit) return tl::make_unexpected(std::move(limit.error()));
    auto from = audit::positive_number(param, "next", 1, kAlertRowsMax);
    if (!from) return tl::make_unexpected(std::move(from.error()));
    flow::Query query{.table = &alert::alert_table(), .limit = kAlertRowsMax};
    if (auto state = param("state"); state && !state->empty()) {
      if (*state != "firing" && *state != "pending" && *state != "resolved")
        return fail(Errc::kInvalid, "state: firing, pending and resolved are known");
      query.where.push_back({"state", Filter::Op::kEq, *state});
    }
    if (auto rule = param("rule"); rule && !rule->empty())
      query.where.push_back({"rule_name", Filter::Op::kEq, *rule});
    auto page = store_.query(query);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    std::stable_sort(page->rows.begin(), page->rows.end(),
                     [](const auto& a, const auto& b) { return order_of(a) < order_of(b); });
    const auto first = static_cast<size_t>(*from - 1), end = first + static_cast<size_t>(*limit);
    Json alerts = Json::array();
    for (size_t i = first; i < std::min(end, page->rows.size()); ++i) {
      auto one = shown(page->rows[i]);
      if (!one) return tl::make_unexpected(std::move(one.error()));
      alerts.push_back(std::move(*one));
    }
    Json next = end < page->rows.size() ? Json(std::to_string(end + 1)) : Json();
    return text_of({{"alerts", std::move(alerts)}, {"next", std::move(next)}, {"rules", rules()}});
  }

  http::Response mute(const http::Request& request) const {
    const std::string& id = request.path_params.at("id");
    auto until = until_of(request);
    if (!until) return http::problem(until.error());
    auto row = store_.query({.table = &alert::alert_table(), .where = {{"id", Filter::Op::kEq, id}}});
    if (!row) return http::problem(row.error());
    if (row->rows.empty()) return http::problem(Error{Errc::kNotFound, "there is no alert with this id"});
    if (auto written = write(id, *until); !written) return http::problem(written.error());
    return {.body = text_of({{"id", id}, {"muted_until", when(*until)}})};
  }

 private:
  Json rules() const {
    Json out = Json::array();
    auto add = [&out](const std::string& name, alert::Severity severity,
                      const std::vector<std::string>& notify) {
      out.push_back({{"name", name}, {"severity", alert::severity_name(severity)}, {"notify", notify}});
    };
    for (const auto& d : config_.alerts.definitions) add(d.rule.name, d.rule.severity, d.rule.notify);
    for (const auto& w : config_.watch.definitions)
      if (!w.notify.empty()) add(w.rule.name, static_cast<alert::Severity>(w.severity), w.notify);
    return out;
  }

  Result<Json> shown(const flow::Page::Row& row) const {
    const auto& v = row.values;
    const std::string& id = text(row.key[0]);
    auto events = store_.query(
        {.table = &alert::event_table(), .where = {{"id", Filter::Op::kEq, id}}, .limit = kEventsRead});
    if (!events) return tl::make_unexpected(std::move(events.error()));
    auto mutes = store_.query({.table = &alert::mute_table(), .where = {{"id", Filter::Op::kEq, id}}});
    if (!mutes) return tl::make_unexpected(std::move(mutes.error()));
    Json history = Json::array();
    const size_t begin = events->rows.size() > kEventsShown ? events->rows.size() - kEventsShown : 0;
    for (size_t i = begin; i < events->rows.size(); ++i) {
      const auto& event = events->rows[i];
      history.push_back(
          {{"at", number(event.key[1])}, {"state", text(event.key[2])}, {"value", amount(event.values[0])}});
    }
    const int64_t until = mutes->rows.empty() ? 0 : number(mutes->rows[0].values[0]);
    return Json{{"id", id},
                {"rule", text(v[0])},
                {"severity", text(v[1])},
                {"state", text(v[2])},
                {"labels", parsed(text(v[3]))},
                {"summary", text(v[4])},
                {"description", text(v[5])},
                {"evidence", parsed(text(v[6]))},
                {"link", text(v[7])},
                {"receivers", parsed(text(v[8]))},
                {"value", amount(v[9])},
                {"since", number(v[10])},
                {"fired", when(number(v[12]))},
                {"resolved", when(number(v[13]))},
                {"told", when(number(v[16]))},
                {"muted_until", until > clock_.now().wall_ms ? Json(until) : Json()},
                {"history", std::move(history)}};
  }

  /// `until` as epoch ms or a time, `for` as a duration; 0 ends a mute.
  Result<int64_t> until_of(const http::Request& request) const {
    auto members = body_members(request.body, {"until", "for"});
    if (!members) return tl::make_unexpected(std::move(members.error()));
    const Now now = clock_.now();
    if (members->contains("until") == members->contains("for"))
      return fail(
          Errc::kInvalid,
          "one of \"until\" (epoch ms or RFC 3339, 0 ends a mute) and \"for\" (such as \"1h\") is needed");
    int64_t until = 0;
    if (auto it = members->find("for"); it != members->end()) {
      auto span = parse_duration(it->second);
      if (!span) return tl::make_unexpected(std::move(span.error()));
      until = now.wall_ms + span->count();
    } else {
      const std::string& given = members->at("until");
      auto time = given == "0" ? Result<int64_t>(0) : audit::parse_time(given, now);
      if (!time) return time;
      until = *time;
    }
    if (until != 0 && until <= now.wall_ms) return fail(Errc::kInvalid, "until is over already");
    if (until > now.wall_ms + kMuteMax.count()) return fail(Errc::kInvalid, "a mute lasts 366 days at most");
    return until;
  }

  Result<void> write(const std::string& id, int64_t until) const {
    for (int i = 0; i < kWriteTries; ++i) {
      auto owned = store_.take(std::string(kMutesTask), owner_);
      if (!owned) return tl::make_unexpected(std::move(owned.error()));
      flow::Changes changes;
      changes.rows.push_back(
          {&alert::mute_table(), flow::RowChange::Op::kUpsert, {id}, {until, clock_.now().wall_ms}});
      flow::TaskCommit commit{
          .task = std::string(kMutesTask), .epoch = owned->epoch, .positions = {}, .changes = &changes};
      auto results = store_.commit({&commit, 1});
      if (!results) return tl::make_unexpected(std::move(results.error()));
      if (results->front() == flow::CommitResult::kCommitted) return {};
    }
    return fail(Errc::kUnavailable, "others write at the same time; try again");
  }

  const Config& config_;
  flow::Store& store_;
  const Clock& clock_;
  std::string owner_ = owner_id();
};

}  // namespace

EngineParts alert_engine(const Config& config, flow::Store& store, const Clock& clock) {
  std::span<const flow::TableSpec* const> tables = alert::alert_tables();
  EngineParts parts{.tables = {tables.begin(), tables.end()}};
  // The routes share it; it ends with the last of them.
  auto api = std::make_shared<AlertApi>(config, store, clock);
  parts.routes = {{"GET", "/api/v1/alerts", http::Role::kViewer,
                   [api](const http::Request& request) -> http::Response {
                     auto body = api->list(request);
                     if (!body) return http::problem(body.error());
                     return {.body = std::move(*body)};
                   }},
                  {"POST", "/api/v1/alerts/{id}/mute", http::Role::kOperator,
                   [api](const http::Request& request) { return api->mute(request); }}};
  return parts;
}

}  // namespace waybill::cli
