#include "kpi/query.h"

#include <algorithm>
#include <functional>
#include <map>

#include "kpi/figures.h"
#include "kpi/render.h"
#include "kpi/tables.h"
#include "tally/latency_text.h"

namespace waybill::kpi {
namespace {

constexpr int64_t kRowsAtOnce = 10'000;

using flow::Filter;
using flow::number;
using flow::Page;
using flow::text;

Filter equals(std::string column, std::string value) {
  return {std::move(column), Filter::Op::kEq, flow::Value(std::move(value))};
}

Result<Page> all_rows(flow::Store& store, const flow::TableSpec& table, std::vector<Filter> where,
                      std::vector<std::string> group_by = {}) {
  auto page = store.query(
      {.table = &table, .where = std::move(where), .group_by = std::move(group_by), .limit = kQueryRowsMax});
  if (!page) return page;
  if (static_cast<int64_t>(page->rows.size()) >= kQueryRowsMax || page->next)
    return fail(Errc::kLimit, "the answer would have more than " + std::to_string(kQueryRowsMax) +
                                  " rows; ask for a shorter time");
  return page;
}

/// How far the parts of a KPI have come.
struct Progress {
  int64_t parts = 0;
  int64_t newest_ms = INT64_MAX;  ///< of the part that is least far and not at the end of its log
  int64_t most_ms = 0;
  int64_t too_late = 0;
  int64_t other_lines = 0;
  int64_t repeated = 0;
  int64_t gaps = 0;
  bool caught_up = true;
};

Result<Progress> progress_of(flow::Store& store, const std::string& kpi) {
  auto page = all_rows(store, progress_table(), {equals("kpi", kpi)});
  if (!page) return tl::make_unexpected(std::move(page.error()));
  Progress progress;
  for (const Page::Row& row : page->rows) {
    ++progress.parts;
    const int64_t newest = number(row.values[0]);
    const bool caught_up = number(row.values[5]) != 0;
    if (!caught_up) progress.newest_ms = std::min(progress.newest_ms, newest);
    progress.most_ms = std::max(progress.most_ms, newest);
    progress.caught_up = progress.caught_up && caught_up;
    progress.too_late += number(row.values[1]);
    progress.other_lines += number(row.values[2]);
    progress.repeated += number(row.values[3]);
    progress.gaps += number(row.values[4]);
  }
  return progress;
}

std::string source_of(const Definition& definition) {
  std::string source = definition.cluster;
  for (const std::string& topic : definition.topics) source += "/" + topic;
  return source;
}

/// "2 of 23 agents silent since 2018-11-24T10:02:00+08:00", or nothing.
Result<std::string> silent_agents(flow::Store& store, const Kpi& kpi, const decode::Zone& zone,
                                  AgentRule rule, int64_t now_ms) {
  auto page = all_rows(store, agent_table(), {equals("source", source_of(kpi.definition))});
  if (!page) return tl::make_unexpected(std::move(page.error()));
  const auto seen = static_cast<int64_t>(page->rows.size());
  if (seen == 0) return std::string();
  const int64_t expected = std::max<int64_t>(seen, rule.expected);
  int64_t silent = expected - seen;
  int64_t since = INT64_MAX;
  for (const Page::Row& row : page->rows) {
    const int64_t last = number(row.values[0]);
    if (now_ms - last <= rule.silent_ms) continue;
    ++silent;
    since = std::min(since, last);
  }
  if (silent == 0) return std::string();
  std::string text = std::to_string(silent) + " of " + std::to_string(expected) + " agents silent";
  return since == INT64_MAX ? text + ", never seen" : text + " since " + zone.rfc3339(since);
}

/// Why all figures of a KPI may be incomplete.
Result<std::vector<std::string>> reasons(flow::Store& store, const Kpi& kpi, const Progress& progress,
                                         const decode::Zone& zone, AgentRule agents, Now now) {
  std::vector<std::string> why;
  if (progress.parts == 0) why.emplace_back("nothing was read yet");
  if (progress.gaps > 0)
    why.push_back(std::to_string(progress.gaps) + " messages were deleted before they were read");
  if (progress.other_lines > 0)
    why.push_back(std::to_string(progress.other_lines) + " lines are in the group " + kOtherGroup);
  auto silent = silent_agents(store, kpi, zone, agents, now.wall_ms);
  if (!silent) return tl::make_unexpected(std::move(silent.error()));
  if (!silent->empty()) why.push_back(std::move(*silent));
  return why;
}

/// Why the figures of one window may change; empty when they cannot.
std::string open_window(const Kpi& kpi, const Progress& progress, int64_t end_ms, Now now) {
  const int64_t needed = end_ms + kpi.definition.lateness_ms;
  if (progress.caught_up && now.wall_ms >= needed) return {};
  if (progress.newest_ms != INT64_MAX && progress.newest_ms >= needed) return {};
  if (progress.newest_ms == INT64_MAX && progress.most_ms >= needed) return {};
  return progress.caught_up ? "lines of this window may still come" : "reading is behind";
}

void append_complete(const std::vector<std::string>& why, std::string& out) {
  out += why.empty() ? "\"complete\":true" : "\"complete\":false,\"why\":[";
  for (size_t i = 0; i < why.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_json_text(why[i], out);
  }
  if (!why.empty()) out.push_back(']');
}

void append_texts(const std::vector<std::string>& texts, std::string& out) {
  out.push_back('[');
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_json_text(texts[i], out);
  }
  out.push_back(']');
}

Result<std::string> problems(flow::Store& store, const std::string& kpi) {
  auto page = all_rows(store, problem_table(), {equals("kpi", kpi)}, {"kpi", "reason", "field", "detail"});
  if (!page) return tl::make_unexpected(std::move(page.error()));
  std::string out = "[";
  for (const Page::Row& row : page->rows) {
    if (out.size() > 1) out.push_back(',');
    out += "{\"reason\":";
    append_json_text(text(row.key[1]), out);
    out += ",\"field\":";
    append_json_text(text(row.key[2]), out);
    out += ",\"detail\":";
    append_json_text(text(row.key[3]), out);
    out += ",\"count\":" + std::to_string(number(row.values[0]));
    out += ",\"first_offset\":" + std::to_string(number(row.values[1])) + ",\"sample\":";
    append_json_text(text(row.values[2]), out);
    out.push_back('}');
  }
  return out + "]";
}

Result<std::string> stuck(flow::Store& store, const Kpi& kpi, const decode::Zone& zone) {
  auto page = store.query({.table = &stuck_table(),
                           .where = {equals("kpi", kpi.definition.name)},
                           .limit = kStuckListedInAnswer});
  if (!page) return tl::make_unexpected(std::move(page.error()));
  std::string out = "[";
  for (const Page::Row& row : page->rows) {
    if (out.size() > 1) out.push_back(',');
    out += "{\"id\":";
    append_json_text(text(row.key[1]), out);
    out += ",\"step\":";
    append_json_text(text(row.values[1]), out);
    out += ",\"since\":";
    append_json_text(zone.rfc3339(number(row.values[2])), out);
    out.push_back('}');
  }
  return out + "]";
}

const Kpi* find(const Program& program, std::string_view name) {
  for (const Kpi& kpi : program.kpis()) {
    if (kpi.definition.name == name) return &kpi;
  }
  return nullptr;
}

/// The KPI with some of its dimensions.
Result<Kpi> narrowed(const Kpi& kpi, const std::vector<std::string>& by, std::vector<size_t>& kept) {
  Kpi some = kpi;
  some.by.clear();
  some.definition.by.clear();
  for (const std::string& name : by) {
    const auto& all = kpi.definition.by;
    auto it = std::find_if(all.begin(), all.end(), [&name](const Dimension& d) { return d.name == name; });
    if (it == all.end()) {
      std::string known;
      for (const Dimension& d : all) known += (known.empty() ? "" : ", ") + d.name;
      return fail(Errc::kInvalid, "by: the KPI " + kpi.definition.name + " has no dimension \"" + name +
                                      "\"; it has " + (known.empty() ? "none" : known));
    }
    kept.push_back(static_cast<size_t>(it - all.begin()));
    some.by.push_back(kpi.by[kept.back()]);
    some.definition.by.push_back(*it);
  }
  return some;
}

void add_row(const Kpi& kpi, const Page::Row& row, Group& group) {
  const std::string& value = text(row.key[2]);
  if (value.empty()) {
    group.lines += number(row.values[1]);
    return;
  }
  for (size_t i = 0; i < kpi.definition.values.size(); ++i) {
    if (kpi.definition.values[i].name != value || kpi.measure_of[i] < 0) continue;
    group.cells.resize(std::max(group.cells.size(), kpi.measures.size()));
    Cell cell;
    cell.count = number(row.values[1]);
    cell.sum = join_sum({number(row.values[2]), number(row.values[3])});
    cell.min = number(row.values[4]);
    cell.max = number(row.values[5]);
    auto sketch = tally::parse_latency_text(text(row.values[6]));
    if (sketch && !sketch->empty()) cell.sketch = std::make_unique<tally::LatencySketch>(std::move(*sketch));
    group.cells[static_cast<size_t>(kpi.measure_of[i])].merge(cell);
  }
}

/// Hands out rows with the keys start_ms, grp and value until `take` returns false, which is kLimit. Rows of
/// one key may come several times when there are very many: added up, they are the same.
Result<void> each_value_row(flow::Store& store, const Kpi& kpi, const WindowQuery& window,
                            const std::function<bool(const Page::Row&)>& take) {
  flow::Query query{.table = &value_table(kpi.definition.window_ms),
                    .where = {equals("kpi", kpi.definition.name),
                              {"start_ms", Filter::Op::kGe, window.from_ms},
                              {"start_ms", Filter::Op::kLt, window.to_ms}},
                    .group_by = {"start_ms", "grp", "value"},
                    .limit = kQueryRowsMax};
  auto page = store.query(query);
  if (!page) return tl::make_unexpected(std::move(page.error()));
  const bool all = static_cast<int64_t>(page->rows.size()) < kQueryRowsMax;
  if (!all) {  // too many to be added up by the store: piece by piece, as they are
    query.group_by.clear();
    query.limit = kRowsAtOnce;
    page = store.query(query);
  }
  for (;;) {
    if (!page) return tl::make_unexpected(std::move(page.error()));
    for (Page::Row& row : page->rows) {
      if (!all) row.key = {row.key[1], row.key[2], row.key[3]};
      if (!take(row))
        return fail(Errc::kLimit, "the answer would have more than " + std::to_string(kQueryRowsMax) +
                                      " groups; ask for a shorter time or fewer dimensions (by=)");
    }
    if (all || !page->next) return {};
    query.cursor = std::move(*page->next);
    page = store.query(query);
  }
}

}  // namespace

Result<std::string> kpis_json(flow::Store& store, const Program& program, AgentRule agents, Now now) {
  std::string out = "{\"kpis\":[";
  for (const Kpi& kpi : program.kpis()) {
    const decode::Zone zone = program.windows_of(kpi).zone();
    auto progress = progress_of(store, kpi.definition.name);
    if (!progress) return tl::make_unexpected(std::move(progress.error()));
    auto why = reasons(store, kpi, *progress, zone, agents, now);
    if (!why) return tl::make_unexpected(std::move(why.error()));
    auto left_out = problems(store, kpi.definition.name);
    if (!left_out) return left_out;
    std::vector<std::string> by;
    for (const Dimension& dimension : kpi.definition.by) by.push_back(dimension.name);
    std::vector<std::string> values;
    for (const ValueDef& value : kpi.definition.values) values.push_back(value.name);
    out += out.back() == '[' ? "{\"name\":" : ",{\"name\":";
    append_json_text(kpi.definition.name, out);
    out += ",\"source\":";
    append_json_text(source_of(kpi.definition), out);
    out += ",\"window_ms\":" + std::to_string(kpi.definition.window_ms) + ",\"zone\":";
    append_json_text(zone.name(), out);
    out += ",\"by\":";
    append_texts(by, out);
    out += ",\"values\":";
    append_texts(values, out);
    out += ",\"newest\":";
    progress->most_ms > 0 ? append_json_text(zone.rfc3339(progress->most_ms), out) : void(out += "null");
    out += ",\"too_late\":" + std::to_string(progress->too_late) +
           ",\"repeated\":" + std::to_string(progress->repeated) + ",\"problems\":" + *left_out + ",";
    append_complete(*why, out);
    out.push_back('}');
  }
  auto malformed = problems(store, "");
  if (!malformed) return malformed;
  return out + "],\"malformed\":" + *malformed + "}";
}

Result<std::string> windows_json(flow::Store& store, const Program& program, std::string_view name,
                                 const WindowQuery& query, AgentRule agents, Now now) {
  const Kpi* kpi = find(program, name);
  if (!kpi) return fail(Errc::kNotFound, "there is no KPI \"" + std::string(name) + "\"");
  std::vector<size_t> kept;
  std::vector<std::string> by;
  for (const Dimension& dimension : kpi->definition.by) by.push_back(dimension.name);
  auto shown = narrowed(*kpi, query.by.value_or(by), kept);
  if (!shown) return tl::make_unexpected(std::move(shown.error()));
  const decode::Zone zone = program.windows_of(*kpi).zone();
  auto progress = progress_of(store, kpi->definition.name);
  if (!progress) return tl::make_unexpected(std::move(progress.error()));
  auto why = reasons(store, *kpi, *progress, zone, agents, now);
  if (!why) return tl::make_unexpected(std::move(why.error()));

  std::map<int64_t, std::pair<int64_t, std::map<std::string, Group>>> windows;  // by start: end, groups
  Group totals;
  int64_t groups = 0;
  auto read = each_value_row(store, *kpi, query, [&](const Page::Row& row) {
    auto& window = windows[number(row.key[0])];
    window.first = std::max(window.first, number(row.values[0]));
    const auto parts = key_parts(*kpi, text(row.key[1]));
    std::string key;
    for (size_t i = 0; i < kept.size(); ++i)
      key += (i > 0 ? std::string(1, kKeySeparator) : "") + std::string(parts[kept[i]]);
    auto [group, fresh] = window.second.try_emplace(std::move(key));
    groups += fresh;
    add_row(*kpi, row, group->second);
    add_row(*kpi, row, totals);
    return groups <= kQueryRowsMax;
  });
  if (!read) return tl::make_unexpected(std::move(read.error()));
  std::string out = "{\"name\":";
  append_json_text(kpi->definition.name, out);
  out += ",\"windows\":[";
  bool any_open = false;
  for (const auto& [start, window] : windows) {
    std::vector<std::string> here = *why;
    if (std::string open = open_window(*kpi, *progress, window.first, now); !open.empty()) {
      here.push_back(std::move(open));
      any_open = true;
    }
    for (const auto& [key, group] : window.second) {
      out += out.back() == '[' ? "{\"start\":" : ",{\"start\":";
      append_json_text(zone.rfc3339(start), out);
      out += ",\"start_ms\":" + std::to_string(start) + ",\"by\":";
      append_by(*shown, key, out);
      out += ",\"values\":";
      append_values(*kpi, group, out);
      out.push_back(',');
      append_complete(here, out);
      out.push_back('}');
    }
  }
  out += "],\"totals\":";
  append_values(*kpi, totals, out);
  out += ",\"too_late\":" + std::to_string(progress->too_late);
  if (kpi->by_step_values) {
    auto standing = stuck(store, *kpi, zone);
    if (!standing) return standing;
    out += ",\"stuck\":" + *standing;
  }
  if (any_open) why->emplace_back("the newest windows may still change");
  out.push_back(',');
  append_complete(*why, out);
  return out + "}";
}

// ---- figures for sinks ----

namespace {

flow::Figure figure_of(const Kpi& kpi, const decode::Zone& zone, int64_t start, int64_t end,
                       const std::string& key, const Group& group) {
  flow::Figure figure{.name = {kpi.definition.name, std::to_string(start)}};
  auto add = [&figure](std::string name, std::string value) {
    figure.fields.emplace_back(std::move(name), std::move(value));
  };
  add("_start", zone.rfc3339(start));
  add("_start_ms", std::to_string(start));
  add("_end_ms", std::to_string(end));
  add("_lines", std::to_string(group.lines));
  const auto parts = key_parts(kpi, key);
  for (size_t i = 0; i < parts.size(); ++i) {
    const Dimension& dimension = kpi.definition.by[i];
    figure.name.emplace_back(parts[i]);
    add("by." + dimension.name, std::string(parts[i]));
    if (!dimension.lookup) continue;
    auto found = dimension.lookup->find(parts[i]);
    if (found != dimension.lookup->end()) add("by." + dimension.label, found->second);
  }
  const std::vector<std::string> headings = value_headings(kpi);
  std::vector<std::string> texts = value_texts(kpi, group);
  for (size_t i = 0; i < headings.size(); ++i) {
    if (texts[i] != "-") add(headings[i], std::move(texts[i]));
  }
  std::string& json = figure.json;
  json = "{\"name\":";
  append_json_text(kpi.definition.name, json);
  json += ",\"start\":";
  append_json_text(zone.rfc3339(start), json);
  json += ",\"start_ms\":" + std::to_string(start) + ",\"by\":";
  append_by(kpi, key, json);
  json += ",\"values\":";
  append_values(kpi, group, json);
  json.push_back('}');
  return figure;
}

/// One KPI after the other, window by window.
class WindowScan final : public flow::FigureScan {
 public:
  WindowScan(flow::Store& store, std::shared_ptr<const Program> program, int64_t keep_ms)
      : store_(store), program_(std::move(program)), keep_ms_(keep_ms) {}

  Result<bool> next(const flow::TakeFigure& take) override {
    if (at_ == program_->kpis().size()) return false;
    const Kpi& kpi = program_->kpis()[at_];
    if (!query_.table) {
      auto progress = progress_of(store_, kpi.definition.name);
      if (!progress) return tl::make_unexpected(std::move(progress.error()));
      query_ = {.table = &value_table(kpi.definition.window_ms),
                .where = {equals("kpi", kpi.definition.name),
                          {"end_ms", Filter::Op::kGt, progress->most_ms - keep_ms_}},
                .limit = kRowsAtOnce};
    }
    auto page = store_.query(query_);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    for (const Page::Row& row : page->rows) {
      const int64_t start = number(row.key[1]);
      if (start != start_ || text(row.key[2]) != key_) finish(take);
      start_ = start;
      key_ = text(row.key[2]);
      end_ = std::max(end_, number(row.values[0]));
      // add_row() wants what windows_json() groups by: start_ms, grp, value.
      add_row(kpi, {.key = {row.key[1], row.key[2], row.key[3]}, .values = row.values}, group_);
      any_ = true;
    }
    if (page->next) {
      query_.cursor = std::move(*page->next);
      return true;
    }
    finish(take);
    query_ = {};
    return ++at_ < program_->kpis().size();
  }

 private:
  void finish(const flow::TakeFigure& take) {
    const Kpi& kpi = program_->kpis()[at_];
    if (any_) take(figure_of(kpi, program_->windows_of(kpi).zone(), start_, end_, key_, group_));
    any_ = false;
    end_ = 0;
    group_ = {};
  }

  flow::Store& store_;
  std::shared_ptr<const Program> program_;  ///< shared with the engine
  int64_t keep_ms_;
  size_t at_ = 0;        ///< KPI
  flow::Query query_{};  ///< without a table: at_ begins
  // The group that is being added up; its rows may go on in the next page.
  bool any_ = false;
  int64_t start_ = 0, end_ = 0;
  std::string key_;
  Group group_;
};

}  // namespace

Result<void> window_figure(flow::Store& store, const Program& program, std::string_view name,
                           int64_t start_ms, const std::string& group, const flow::TakeFigure& take) {
  const Kpi* kpi = find(program, name);
  if (!kpi) return {};
  auto page = all_rows(
      store, value_table(kpi->definition.window_ms),
      {equals("kpi", kpi->definition.name), {"start_ms", Filter::Op::kEq, start_ms}, equals("grp", group)},
      {"start_ms", "grp", "value"});
  if (!page) return tl::make_unexpected(std::move(page.error()));
  if (page->rows.empty()) return {};
  Group sum;
  int64_t end_ms = 0;
  for (const Page::Row& row : page->rows) {
    end_ms = std::max(end_ms, number(row.values[0]));
    add_row(*kpi, row, sum);
  }
  take(figure_of(*kpi, program.windows_of(*kpi).zone(), start_ms, end_ms, group, sum));
  return {};
}

std::unique_ptr<flow::FigureScan> all_window_figures(flow::Store& store,
                                                     std::shared_ptr<const Program> program,
                                                     int64_t keep_ms) {
  return std::make_unique<WindowScan>(store, std::move(program), keep_ms);
}

Result<void> status_figures(flow::Store& store, const Program& program, AgentRule agents, Now now,
                            const flow::TakeFigure& take) {
  for (const Kpi& kpi : program.kpis()) {
    if (kpi.definition.cluster.empty()) continue;
    const decode::Zone zone = program.windows_of(kpi).zone();
    auto progress = progress_of(store, kpi.definition.name);
    if (!progress) return tl::make_unexpected(std::move(progress.error()));
    auto why = reasons(store, kpi, *progress, zone, agents, now);
    if (!why) return tl::make_unexpected(std::move(why.error()));
    std::string text;
    for (const std::string& reason : *why) text += (text.empty() ? "" : "; ") + reason;
    flow::Figure figure{.name = {"kpi", kpi.definition.name}};
    figure.fields = {{"newest_ms", std::to_string(progress->most_ms)},
                     {"caught_up", progress->caught_up && progress->parts > 0 ? "1" : "0"},
                     {"lateness_ms", std::to_string(kpi.definition.lateness_ms)},
                     {"too_late", std::to_string(progress->too_late)},
                     {"repeated", std::to_string(progress->repeated)},
                     {"complete", why->empty() ? "1" : "0"},
                     {"why", text},
                     {"updated_ms", std::to_string(now.wall_ms)}};
    take(std::move(figure));
  }
  return {};
}

}  // namespace waybill::kpi
