#include "cli/watch_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "audit/query_params.h"
#include "http/json.h"
#include "watch/marks.h"
#include "watch/tables.h"

namespace waybill::cli {
namespace {

using flow::Filter;
using flow::number;
using flow::text;
using http::json_string;

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kRowsMax = 100'000;
constexpr int64_t kLimit = 1'000, kLimitMax = 10'000;
constexpr std::string_view kSeverities[] = {"info", "warning", "critical"};

http::Response answer(Result<std::string> body) {
  if (!body) return http::problem(body.error());
  return {.body = std::move(*body)};
}

/// The fields of `by` with their values; "(other)" for all when they are not told apart.
std::string group_json(const std::string& group, const std::vector<std::string>& fields) {
  std::string out = "{";
  size_t at = 0;
  for (const auto& field : fields) {
    size_t end = std::min(group.find('\x1f', at), group.size());
    std::string_view value =
        group == watch::kOtherGroup ? watch::kOtherGroup : std::string_view(group).substr(at, end - at);
    out += (out.size() > 1 ? "," : "") + json_string(field) + ":" + json_string(value);
    at = std::min(end + 1, group.size());
  }
  return out + "}";
}

std::string list_json(const std::vector<std::string>& names) {
  std::string out = "[";
  for (const auto& name : names) out += (out.size() > 1 ? "," : "") + json_string(name);
  return out + "]";
}

std::vector<std::string> names_of(const std::vector<WatchSource>& sources) {
  std::vector<std::string> out;
  for (const WatchSource& source : sources) {
    for (const auto& topic : source.topics) out.push_back(source.cluster + "/" + topic);
    out.insert(out.end(), source.files.begin(), source.files.end());
    if (!source.standard_input.empty()) out.push_back(source.standard_input);
  }
  return out;
}

std::string pairs_json(const std::vector<watch::Mark>& marks) {
  std::string out;
  for (const watch::Mark& mark : marks)
    fmt::format_to(std::back_inserter(out), "{}[{},{}]", out.empty() ? "" : ",", mark.from, mark.to);
  return out;
}

class WatchApi {
 public:
  WatchApi(const WatchConfig& config, flow::Store& store, const Clock& clock)
      : config_(config), store_(store), clock_(clock) {}

  Result<std::string> all() const {
    auto windows = store_.query({.table = &watch::window_table(), .group_by = {"watch"}, .limit = kRowsMax});
    if (!windows) return tl::make_unexpected(std::move(windows.error()));
    auto progress = store_.query({.table = &watch::progress_table(), .limit = kRowsMax});
    if (!progress) return tl::make_unexpected(std::move(progress.error()));
    std::map<std::string, const flow::Page::Row*> by_name;
    for (const auto& row : windows->rows) by_name[text(row.key[0])] = &row;
    std::string out = "{\"watches\":[";
    for (const auto& definition : config_.definitions) {
      auto at = by_name.find(definition.rule.name);
      const flow::Page::Row* row = at == by_name.end() ? nullptr : at->second;
      std::vector<std::string> why = gaps_of(definition, progress->rows);
      fmt::format_to(
          std::back_inserter(out),
          R"({}{{"name":{},"reads":{},"window_ms":{},"threshold":{},"for_ms":{},"severity":"{}","by":{},"notify":{},"matched":{},)"
          R"("first":{},"last":{},"complete":{},"why":{}}})",
          out.back() == '[' ? "" : ",", json_string(definition.rule.name),
          list_json(names_of(definition.sources)), definition.window.count(), definition.threshold,
          definition.pending_for.count(), kSeverities[static_cast<size_t>(definition.severity)],
          list_json(definition.rule.by), list_json(definition.notify), row ? number(row->values[0]) : 0,
          row ? std::to_string(number(row->values[1])) : "null",
          row ? std::to_string(number(row->values[2])) : "null", why.empty(), list_json(why));
    }
    out += "],\"sources\":[";
    for (const auto& row : progress->rows) {
      fmt::format_to(
          std::back_inserter(out),
          R"({}{{"cluster":{},"topic":{},"partition":{},"lines":{},"bytes":{},"malformed":{},"ahead":{},"gaps":{},)"
          R"("gap_messages":{},"next_offset":{},"updated":{}}})",
          out.back() == '[' ? "" : ",", json_string(text(row.key[0])), json_string(text(row.key[1])),
          number(row.key[2]), number(row.values[0]), number(row.values[1]), number(row.values[2]),
          number(row.values[3]), number(row.values[4]), number(row.values[5]), number(row.values[6]),
          number(row.values[7]));
    }
    return out + "]}";
  }

  Result<std::string> windows(const http::Request& request) const {
    auto asked = read(request);
    if (!asked) return tl::make_unexpected(std::move(asked.error()));
    flow::Query query{.table = &watch::window_table(),
                      .where = asked->where,
                      .group_by = {"watch", "window_ms", "grp"},
                      .limit = kRowsMax};
    auto page = store_.query(query);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    auto newest = [](const auto& a, const auto& b) {
      return std::pair(-number(a.key[1]), text(a.key[2])) < std::pair(-number(b.key[1]), text(b.key[2]));
    };
    std::sort(page->rows.begin(), page->rows.end(), newest);
    if (static_cast<int64_t>(page->rows.size()) > asked->limit)
      page->rows.resize(static_cast<size_t>(asked->limit));
    std::string out = "{\"windows\":[";
    for (const auto& row : page->rows) {
      fmt::format_to(std::back_inserter(out),
                     R"({}{{"start":{},"end":{},"by":{},"count":{},"first":{},"last":{},"over":{}}})",
                     out.back() == '[' ? "" : ",", number(row.key[1]),
                     number(row.key[1]) + number(row.values[3]),
                     group_json(text(row.key[2]), asked->definition->rule.by), number(row.values[0]),
                     number(row.values[1]), number(row.values[2]),
                     number(row.values[0]) >= asked->definition->threshold);
    }
    return out + "]}";
  }

  Result<std::string> samples(const http::Request& request) const {
    auto asked = read(request);
    if (!asked) return tl::make_unexpected(std::move(asked.error()));
    auto page = store_.query({.table = &watch::sample_table(), .where = asked->where, .limit = kRowsMax});
    if (!page) return tl::make_unexpected(std::move(page.error()));
    std::stable_sort(page->rows.begin(), page->rows.end(),
                     [](const auto& a, const auto& b) { return number(a.key[1]) > number(b.key[1]); });
    if (static_cast<int64_t>(page->rows.size()) > asked->limit)
      page->rows.resize(static_cast<size_t>(asked->limit));
    const watch::Marker marker(asked->definition->rule.where);
    std::string out = "{\"samples\":[";
    for (const auto& row : page->rows) {
      fmt::format_to(
          std::back_inserter(out),
          R"({}{{"window":{},"cluster":{},"topic":{},"partition":{},"offset":{},"time":{},"by":{},"fields":{},"text":{},)"
          R"("matches":[{}]}})",
          out.back() == '[' ? "" : ",", number(row.key[1]), json_string(text(row.key[2])),
          json_string(text(row.key[3])), number(row.key[4]), number(row.key[5]), number(row.values[0]),
          group_json(text(row.values[1]), asked->definition->rule.by), text(row.values[2]),
          json_string(text(row.values[3])), pairs_json(marker.marks(text(row.values[3]))));
    }
    return out + "]}";
  }

 private:
  /// What was not there to be read, in the topics of a watch.
  static std::vector<std::string> gaps_of(const WatchDefinition& definition,
                                          const std::vector<flow::Page::Row>& progress) {
    std::vector<std::string> out;
    for (const auto& row : progress) {
      auto reads = [&](const WatchSource& source) {
        return source.cluster == text(row.key[0]) &&
               std::find(source.topics.begin(), source.topics.end(), text(row.key[1])) != source.topics.end();
      };
      if (number(row.values[4]) == 0 ||
          std::none_of(definition.sources.begin(), definition.sources.end(), reads))
        continue;
      std::string size = number(row.values[5]) > 0 ? std::to_string(number(row.values[5])) : "uncounted";
      out.push_back(fmt::format("{} messages of {}[{}] were gone before they were read", size,
                                text(row.key[1]), number(row.key[2])));
    }
    return out;
  }

  struct Asked {
    const WatchDefinition* definition = nullptr;
    std::vector<Filter> where;
    int64_t limit = kLimit;
  };

  Result<Asked> read(const http::Request& request) const {
    const std::string& name = request.path_params.at("name");
    auto at = std::find_if(config_.definitions.begin(), config_.definitions.end(),
                           [&](const auto& d) { return d.rule.name == name; });
    if (at == config_.definitions.end()) return fail(Errc::kNotFound, "there is no watch \"" + name + "\"");
    auto param = [&request](std::string_view key) { return request.param(key); };
    const Now now = clock_.now();
    auto range = audit::time_range(param, now, {now.wall_ms - kDayMs, now.wall_ms + kDayMs});
    if (!range) return tl::make_unexpected(std::move(range.error()));
    auto limit = audit::positive_number(param, "limit", kLimit, kLimitMax);
    if (!limit) return tl::make_unexpected(std::move(limit.error()));
    return Asked{&*at,
                 {{"watch", Filter::Op::kEq, name},
                  {"window_ms", Filter::Op::kGe, range->from_ms},
                  {"window_ms", Filter::Op::kLt, range->to_ms}},
                 *limit};
  }

  const WatchConfig& config_;
  flow::Store& store_;
  const Clock& clock_;
};

}  // namespace

std::vector<http::Route> watch_routes(const WatchConfig& config, flow::Store& store, const Clock& clock) {
  WatchApi api(config, store, clock);
  return {{"GET", "/api/v1/watches", http::Role::kViewer,
           [api](const http::Request&) { return answer(api.all()); }},
          {"GET", "/api/v1/watches/{name}/windows", http::Role::kViewer,
           [api](const http::Request& request) { return answer(api.windows(request)); }},
          {"GET", "/api/v1/watches/{name}/samples", http::Role::kViewer,
           [api](const http::Request& request) { return answer(api.samples(request)); }}};
}

}  // namespace waybill::cli
