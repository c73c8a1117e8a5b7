#include "cli/kpi_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "kpi/render.h"

namespace waybill::cli {
namespace {

constexpr size_t kUnknownMax = 100;
constexpr size_t kStuckMax = 1'000;

using Row = std::pair<const std::string*, const kpi::Group*>;

std::vector<Row> sorted(const kpi::Groups& groups) {
  std::vector<Row> rows;
  for (const auto& [key, group] : groups) rows.emplace_back(&key, group.get());
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return *a.first < *b.first; });
  return rows;
}

void append_complete(const std::vector<std::string>& why, std::string& out) {
  out += why.empty() ? "\"complete\":true" : "\"complete\":false,\"why\":[";
  for (size_t i = 0; i < why.size(); ++i) {
    if (i > 0) out.push_back(',');
    kpi::append_json_text(why[i], out);
  }
  if (!why.empty()) out.push_back(']');
}

std::string window_body(const kpi::Kpi& kpi, const kpi::Windows& windows, int64_t start_ms,
                        const std::string& key, const kpi::Group& group,
                        const std::vector<std::string>& why) {
  std::string out = "\"start\":";
  kpi::append_json_text(windows.zone().rfc3339(start_ms), out);
  out += fmt::format(",\"start_ms\":{},\"by\":", start_ms);
  kpi::append_by(kpi, key, out);
  out += ",\"values\":";
  kpi::append_values(kpi, group, out);
  out.push_back(',');
  append_complete(why, out);
  return out;
}

kpi::Group totals_of(const kpi::KpiState& state) {
  kpi::Group all;
  for (const auto& [start, window] : state.windows) {
    for (const auto& [key, group] : window.groups) all.merge(*group);
  }
  return all;
}

/// Codes that no table knows, by dimension, at most kUnknownMax each.
std::string unknown_json(const kpi::Kpi& kpi, const kpi::KpiState& state) {
  std::string out;
  for (size_t i = 0; i < kpi.by.size(); ++i) {
    const kpi::Dimension& dimension = kpi.definition.by[i];
    if (!dimension.lookup) continue;
    std::set<std::string> codes;
    for (const auto& [start, window] : state.windows) {
      for (const auto& [key, group] : window.groups) {
        const std::string_view code = kpi::key_parts(kpi, key)[i];
        if (codes.size() < kUnknownMax && dimension.lookup->find(code) == dimension.lookup->end())
          codes.emplace(code);
      }
    }
    if (codes.empty()) continue;
    out += out.empty() ? ",\"unknown\":{" : ",";
    kpi::append_json_text(dimension.name, out);
    out += ":[";
    for (const std::string& code : codes) {
      if (out.back() != '[') out.push_back(',');
      kpi::append_json_text(code, out);
    }
    out.push_back(']');
  }
  return out.empty() ? out : out + "}";
}

std::string problems_json(const kpi::Book& book) {
  std::string out = "[";
  for (const auto& [key, problem] : book.problems()) {
    if (out.size() > 1) out.push_back(',');
    out += "{\"reason\":";
    kpi::append_json_text(kpi::reason_text(key.reason), out);
    if (key.kpi != kpi::kNoKpi) {
      out += ",\"kpi\":";
      kpi::append_json_text(book.program().kpis()[key.kpi].definition.name, out);
      out += ",\"field\":";
      kpi::append_json_text(key.field, out);
    }
    if (key.detail != 0) {
      out += ",\"detail\":";
      kpi::append_json_text(decode::time_fault_text(static_cast<decode::TimeFault>(key.detail)), out);
    }
    out += fmt::format(",\"count\":{},\"first_line\":{},\"sample\":", problem.count, problem.first_place);
    kpi::append_json_text(problem.sample, out);
    out.push_back('}');
  }
  return out + "]";
}

std::string stuck_json(const kpi::Kpi& kpi, const kpi::KpiState& state, const kpi::Windows& windows) {
  if (!state.funnel) return {};
  std::string out = fmt::format(",\"stuck_ids\":{},\"stuck\":[", state.stuck.size());
  size_t n = 0;
  for (const auto& [id, change] : state.stuck) {
    if (n++ == kStuckMax) break;
    if (out.back() != '[') out.push_back(',');
    out += "{\"id\":";
    kpi::append_json_text(id, out);
    out += ",\"step\":";
    kpi::append_json_text(kpi.definition.steps->order[change.step], out);
    out += ",\"since\":";
    kpi::append_json_text(windows.zone().rfc3339(change.since_ms), out);
    out.push_back('}');
  }
  return out + "]";
}

void print_json(const kpi::Book& book, const KpiOutput& output, std::FILE* to) {
  int64_t too_late = 0;
  for (size_t index : output.kpis) too_late += book.kpis()[index].too_late;
  fmt::print(to, "{{\"lines\":{},\"malformed\":{},\"too_late\":{},\"problems\":{},\"kpis\":[", book.lines(),
             book.malformed(), too_late, problems_json(book));
  for (size_t n = 0; n < output.kpis.size(); ++n) {
    const kpi::Kpi& kpi = book.program().kpis()[output.kpis[n]];
    const kpi::KpiState& state = book.kpis()[output.kpis[n]];
    const kpi::Windows windows = book.program().windows_of(kpi);
    std::string out = n > 0 ? ",\n{\"name\":" : "\n{\"name\":";
    kpi::append_json_text(kpi.definition.name, out);
    out += ",\"windows\":[";
    bool first = true;
    for (const auto& [start, window] : state.windows) {
      for (const auto& [key, group] : sorted(window.groups)) {
        out += first ? "\n{" : ",\n{";
        first = false;
        out += window_body(kpi, windows, start, *key, *group, output.why) + "}";
      }
      std::fwrite(out.data(), 1, out.size(), to);
      out.clear();
    }
    out += "],\"totals\":";
    kpi::append_values(kpi, totals_of(state), out);
    out += fmt::format(",\"too_late\":{},\"other_lines\":{}", state.too_late, state.other_lines);
    out += unknown_json(kpi, state) + stuck_json(kpi, state, windows) + "}";
    std::fwrite(out.data(), 1, out.size(), to);
  }
  std::string end = "],";
  append_complete(output.why, end);
  fmt::print(to, "{}}}\n", end);
}

void print_table(const kpi::Kpi& kpi, const kpi::Windows& windows, const kpi::KpiState& state,
                 std::FILE* to) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> heading = {kpi.definition.name};
  for (const kpi::Dimension& dimension : kpi.definition.by) {
    heading.push_back(dimension.name);
    if (dimension.lookup) heading.push_back(dimension.label);
  }
  const size_t texts = heading.size();
  for (std::string& name : kpi::value_headings(kpi)) heading.push_back(std::move(name));
  rows.push_back(heading);
  auto add = [&](std::string start, std::string_view key, const kpi::Group& group, bool total) {
    std::vector<std::string> row = {std::move(start)};
    const auto parts = kpi::key_parts(kpi, key);
    for (size_t i = 0; i < parts.size(); ++i) {
      row.emplace_back(total ? "" : parts[i]);
      if (!kpi.definition.by[i].lookup) continue;
      auto found = kpi.definition.by[i].lookup->find(parts[i]);
      row.push_back(total ? "" : found == kpi.definition.by[i].lookup->end() ? "?" : found->second);
    }
    for (std::string& text : kpi::value_texts(kpi, group)) row.push_back(std::move(text));
    rows.push_back(std::move(row));
  };
  for (const auto& [start, window] : state.windows) {
    for (const auto& [key, group] : sorted(window.groups))
      add(windows.zone().rfc3339(start), *key, *group, false);
  }
  add("total", "", totals_of(state), true);
  std::vector<size_t> widths(heading.size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line +=
          i < texts ? fmt::format("{:<{}}  ", row[i], widths[i]) : fmt::format("{:>{}}  ", row[i], widths[i]);
    while (line.ends_with(' ')) line.pop_back();
    fmt::print(to, "{}\n", line);
  }
}

}  // namespace

std::string kpi_window_line(const kpi::Book& book, size_t index, int64_t start_ms, const std::string& key,
                            const kpi::Group& group, const std::vector<std::string>& why) {
  const kpi::Kpi& kpi = book.program().kpis()[index];
  std::string out = "{\"kpi\":";
  kpi::append_json_text(kpi.definition.name, out);
  return out + "," + window_body(kpi, book.program().windows_of(kpi), start_ms, key, group, why) + "}";
}

std::vector<std::string> problem_texts(const kpi::Book& book) {
  std::vector<std::string> all;
  for (const auto& [key, problem] : book.problems()) {
    std::string what(kpi::reason_text(key.reason));
    if (key.kpi != kpi::kNoKpi)
      what = fmt::format("{}: {} {}", book.program().kpis()[key.kpi].definition.name, key.field, what);
    if (key.detail != 0)
      what += fmt::format(" ({})", decode::time_fault_text(static_cast<decode::TimeFault>(key.detail)));
    all.push_back(fmt::format("{} lines: {}, first in line {}: \"{}\"", problem.count, what,
                              problem.first_place, problem.sample));
  }
  return all;
}

void print_kpis(const kpi::Book& book, const KpiOutput& output, std::FILE* to) {
  if (output.format == KpiOutput::Format::kJson) return print_json(book, output, to);
  for (size_t index : output.kpis) {
    const kpi::KpiState& state = book.kpis()[index];
    if (output.format == KpiOutput::Format::kTable) {
      const kpi::Kpi& kpi = book.program().kpis()[index];
      print_table(kpi, book.program().windows_of(kpi), state, to);
      fmt::print(to, "\n");
      continue;
    }
    for (const auto& [start, window] : state.windows) {
      for (const auto& [key, group] : sorted(window.groups))
        fmt::print(to, "{}\n", kpi_window_line(book, index, start, *key, *group, output.why));
    }
  }
}

}  // namespace waybill::cli
