// GET /api/v1/reporters
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "audit/query.h"
#include "audit/query_json.h"
#include "audit/query_params.h"
#include "audit/query_rows.h"
#include "audit/tables.h"

namespace waybill::audit {
namespace {

constexpr int64_t kReporterRowsMax = 1'000'000;

/// One reporter over all audit partitions that it writes to.
struct ReporterSum {
  std::string host, ip, service, data_center;
  int64_t pid = 0;
  std::map<std::string, Json> clients;  ///< by their text, so that each is shown once
  std::set<std::string> tiers, topics;
  int64_t first_seen = 0, last_seen = 0, complete_up_to = 0;
  int64_t reports = 0, missing = 0, dropped = 0;
  bool closed = true;
  bool vanished = false;
};

/// An array in a text column; anything else counts as empty.
Json array_of(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_array() ? json : Json::array();
}

std::string text_member(const Json& object, const char* name) {
  auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Json client_json(const Json& client) {
  auto flags = client.find("flags");
  return {{"client_id", text_member(client, "client_id")},
          {"tier", text_member(client, "tier")},
          {"group", text_member(client, "group")},
          {"instance", text_member(client, "instance")},
          {"library", text_member(client, "library")},
          {"flags", flags != client.end() && flags->is_number_integer() ? *flags : Json(0)}};
}

void add_row(ReporterSum& sum, const RowView& row, bool first) {
  if (first || row.number("last_seen_ms") >= sum.last_seen) {
    sum.host = row.text("host");
    sum.ip = row.text("ip");
    sum.service = row.text("service");
    sum.data_center = row.text("data_center");
    sum.pid = row.number("pid");
  }
  for (const Json& client : array_of(row.text("clients"))) {
    if (!client.is_object()) continue;
    Json shown = client_json(client);
    sum.tiers.insert(shown["tier"].get<std::string>());
    sum.clients.emplace(text_of(shown), shown);
  }
  for (const Json& topic : array_of(row.text("topics"))) {
    if (topic.is_string()) sum.topics.insert(topic.get<std::string>());
  }
  const auto earliest = [first](int64_t old, int64_t added) { return first ? added : std::min(old, added); };
  sum.first_seen = earliest(sum.first_seen, row.number("first_seen_ms"));
  sum.complete_up_to = earliest(sum.complete_up_to, row.number("complete_up_to_ms"));
  sum.last_seen = std::max(sum.last_seen, row.number("last_seen_ms"));
  sum.reports += row.number("reports");
  sum.missing += row.number("missing_reports");
  sum.dropped += row.number("dropped");
  sum.closed = sum.closed && row.number("closed") != 0;
  sum.vanished = sum.vanished || row.number("vanished") != 0;
}

Json reporter_json(const std::string& cluster, const std::string& id, const ReporterSum& sum) {
  Json clients = Json::array();
  for (const auto& [text, client] : sum.clients) clients.push_back(client);
  return {{"cluster", cluster},
          {"reporter", id},
          {"host", sum.host},
          {"ip", sum.ip},
          {"service", sum.service},
          {"data_center", sum.data_center},
          {"pid", sum.pid},
          {"clients", std::move(clients)},
          {"tiers", sum.tiers},
          {"topics", sum.topics},
          {"first_seen", sum.first_seen},
          {"last_seen", sum.last_seen},
          {"complete_up_to", sum.complete_up_to},
          {"reports", sum.reports},
          {"missing_reports", sum.missing},
          {"dropped", sum.dropped},
          {"closed", sum.closed},
          {"vanished", sum.vanished}};
}

}  // namespace

Result<std::string> reporters_json(flow::Store& store, const Params& params, Now now) {
  auto range = time_range(params, now, {now.wall_ms - kDayMs, INT64_MAX});
  if (!range) return tl::unexpected(std::move(range.error()));
  flow::Query query{.table = &reporter_table()};
  if (const auto cluster = params("cluster")) query.where.push_back(equals("cluster", *cluster));
  std::map<std::pair<std::string, std::string>, ReporterSum> reporters;  // by cluster and id
  auto done = each_row(store, query, kReporterRowsMax, [&](const RowView& row) {
    auto [it, fresh] = reporters.try_emplace({row.text("cluster"), row.text("reporter")});
    add_row(it->second, row, fresh);
  });
  if (!done) return tl::unexpected(std::move(done.error()));

  using Entry = std::pair<const std::pair<std::string, std::string>*, const ReporterSum*>;
  std::vector<Entry> shown;
  for (const auto& [key, sum] : reporters) {
    if (sum.last_seen >= range->from_ms && sum.last_seen < range->to_ms) shown.emplace_back(&key, &sum);
  }
  std::sort(shown.begin(), shown.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.first->first, a.second->host, a.second->service, a.second->first_seen,
                    a.first->second) <
           std::tie(b.first->first, b.second->host, b.second->service, b.second->first_seen, b.first->second);
  });
  Json list = Json::array();
  for (const auto& [key, sum] : shown) list.push_back(reporter_json(key->first, key->second, *sum));
  return text_of(Json{{"reporters", std::move(list)}});
}

}  // namespace waybill::audit
