#include "kpi/tables.h"

#include "tally/latency_text.h"

namespace waybill::kpi {
namespace {

using flow::ColumnType;
using flow::Merge;
using flow::TableSpec;
using Retention = flow::TableSpec::Retention;
constexpr auto kText = ColumnType::kText;
constexpr auto kInt = ColumnType::kInt64;
constexpr int64_t kHourMs = 3'600'000;

TableSpec value_spec(std::string_view name, Retention retention) {
  return {.name = name,
          .keys = {{"kpi"}, {"start_ms", kInt}, {"grp"}, {"value"}, {"part"}},
          .values = {{"end_ms", kInt, Merge::kMax},
                     {"count"},
                     {"sum_low"},
                     {"sum_high"},
                     {"value_min", kInt, Merge::kMin},
                     {"value_max", kInt, Merge::kMax},
                     {"sketch", kText, Merge::kSketch}},
          .merge_sketch = tally::merge_latency_texts,
          .expire_by = "start_ms",
          .retention = retention};
}

}  // namespace

const TableSpec& minute_table() {
  static const TableSpec spec = value_spec("kpi_minute", Retention::kMinutes);
  return spec;
}

const TableSpec& hour_table() {
  static const TableSpec spec = value_spec("kpi_hour", Retention::kHours);
  return spec;
}

const TableSpec& value_table(int64_t window_ms) {
  return window_ms < kHourMs ? minute_table() : hour_table();
}

const TableSpec& progress_table() {
  static const TableSpec spec{.name = "kpi_progress",
                              .keys = {{"kpi"}, {"part"}},
                              .values = {{"newest_ms", kInt, Merge::kLast},
                                         {"too_late"},
                                         {"other_lines"},
                                         {"repeated_lines"},
                                         {"gap_messages"},
                                         {"caught_up", kInt, Merge::kLast},
                                         {"updated_ms", kInt, Merge::kLast}}};
  return spec;
}

const TableSpec& problem_table() {
  static const TableSpec spec{
      .name = "kpi_problem",
      .keys = {{"kpi"}, {"part"}, {"reason"}, {"field"}, {"detail"}},
      .values = {{"count"}, {"first_offset", kInt, Merge::kMin}, {"sample", kText, Merge::kLast}}};
  return spec;
}

const TableSpec& stuck_table() {
  static const TableSpec spec{.name = "kpi_stuck",
                              .keys = {{"kpi"}, {"id"}},
                              .values = {{"grp", kText, Merge::kLast},
                                         {"step", kText, Merge::kLast},
                                         {"since_ms", kInt, Merge::kLast}},
                              .expire_by = "since_ms",
                              .retention = Retention::kMinutes};
  return spec;
}

const TableSpec& agent_table() {
  static const TableSpec spec{
      .name = "kpi_agent", .keys = {{"source"}, {"host"}}, .values = {{"last_ms", kInt, Merge::kMax}}};
  return spec;
}

const TableSpec& position_table() {
  static const TableSpec spec{
      .name = "kpi_position",
      .keys = {{"grp"}, {"cluster"}, {"topic"}, {"part", kInt}},
      .values = {{"next_offset", kInt, Merge::kLast}, {"updated_ms", kInt, Merge::kLast}}};
  return spec;
}

std::span<const TableSpec* const> kpi_tables() {
  static const TableSpec* const tables[] = {&minute_table(),  &hour_table(),  &progress_table(),
                                            &problem_table(), &stuck_table(), &agent_table(),
                                            &position_table()};
  return tables;
}

SplitSum split_sum(Int128 sum) {
  const auto low = static_cast<int64_t>(static_cast<uint64_t>(sum) & 0xFFFFFFFFu);
  return {low, static_cast<int64_t>((sum - low) >> 32)};
}

Int128 join_sum(SplitSum sum) { return static_cast<Int128>(sum.high) * (Int128{1} << 32) + sum.low; }

}  // namespace waybill::kpi
