#include "cli/demo_figures.h"

#include <fmt/format.h>

#include <algorithm>

#include "audit/tables.h"

namespace waybill::cli {
namespace {

using Times = std::map<DemoWitness::Place, std::vector<uint32_t>>;

void merge(Times& into, const Times& from) {
  for (const auto& [place, times] : from) {
    std::vector<uint32_t>& sum = into[place];
    sum.resize(std::max(sum.size(), times.size()));
    for (size_t i = 0; i < times.size(); ++i) sum[i] += times[i];
  }
}

void add_group(DemoFigures& figures, const std::string& group, const Times& produced, const Times& read) {
  for (const auto& [place, times] : read) {
    int64_t& consumed = figures[{place.first, group, "consumed"}];
    int64_t& again = figures[{place.first, group, "redelivered"}];
    for (uint32_t n : times) {
      consumed += n > 0 ? 1 : 0;
      again += n > 1 ? n - 1 : 0;
    }
    int64_t& lost = figures[{place.first, group, "lost"}];
    int64_t& pending = figures[{place.first, group, "pending"}];
    auto written = produced.find(place);
    if (written == produced.end()) continue;
    for (size_t offset = 0; offset < written->second.size(); ++offset) {
      if (written->second[offset] == 0 || (offset < times.size() && times[offset] > 0)) continue;
      ++(offset < times.size() ? lost : pending);
    }
  }
}

int64_t whole(const flow::TableSpec& table, const flow::Page::Row& row, std::string_view name) {
  for (size_t i = 0; i < table.values.size() && i < row.values.size(); ++i) {
    if (table.values[i].name == name) return flow::number(row.values[i]);
  }
  return 0;
}

/// Our figure -> the store's column.
std::string_view column_of(std::string_view figure) {
  return figure == "produced" || figure == "consumed" ? "distinct_offsets" : figure;
}

}  // namespace

DemoFigures planted_figures(const std::vector<DemoWitness>& producers,
                            const std::map<std::string, std::vector<DemoWitness>>& groups) {
  DemoFigures figures;
  Times produced;
  for (const DemoWitness& witness : producers) {
    merge(produced, witness.times);
    for (const auto& [topic, count] : witness.failed) figures[{topic, "", "failed"}] += count;
  }
  for (const auto& [place, times] : produced) {
    figures[{place.first, "", "produced"}] +=
        std::count_if(times.begin(), times.end(), [](uint32_t n) { return n > 0; });
  }
  for (const auto& [group, witnesses] : groups) {
    Times read;
    for (const DemoWitness& witness : witnesses) merge(read, witness.times);
    add_group(figures, group, produced, read);
  }
  return figures;
}

Result<DemoFigures> found_figures(flow::Store& store, const DemoFigures& like) {
  const flow::TableSpec& table = audit::partition_table();
  auto page = store.query(
      {.table = &table, .where = {}, .group_by = {"topic", "grp"}, .limit = 10'000, .cursor = {}});
  if (!page) return tl::make_unexpected(page.error());
  DemoFigures found;
  for (const auto& [key, planted] : like) {
    const auto& [topic, group, figure] = key;
    found[key] = 0;
    for (const flow::Page::Row& row : page->rows) {
      bool same = row.key[0] == flow::Value(topic) && row.key[1] == flow::Value(group);
      if (same) found[key] = whole(table, row, column_of(figure));
    }
  }
  return found;
}

std::string with_commas(int64_t n) {
  std::string digits = std::to_string(n);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > (n < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

std::string demo_table(const DemoFigures& planted, const DemoFigures& found, bool colour) {
  std::string out =
      fmt::format("{:<10} {:<10} {:<12} {:>10} {:>10}\n", "topic", "group", "figure", "planted", "found");
  for (const auto& [key, count] : planted) {
    const auto& [topic, group, figure] = key;
    auto it = found.find(key);
    int64_t other = it == found.end() ? 0 : it->second;
    std::string_view mark = count == other ? "" : colour ? "  \x1b[31mdiffers\x1b[0m" : "  differs";
    out += fmt::format("{:<10} {:<10} {:<12} {:>10} {:>10}{}\n", topic, group.empty() ? "-" : group, figure,
                       with_commas(count), with_commas(other), mark);
  }
  return out;
}

}  // namespace waybill::cli
