#include "watch/tables.h"

namespace waybill::watch {

using flow::ColumnType;
using flow::Merge;
using flow::TableSpec;

const TableSpec& window_table() {
  static const TableSpec spec{.name = "watch_window",
                              .keys = {{"watch"},
                                       {"window_ms", ColumnType::kInt64},
                                       {"grp"},
                                       {"source"},
                                       {"topic"},
                                       {"part", ColumnType::kInt64}},
                              .values = {{"matched"},
                                         {"first_ms", ColumnType::kInt64, Merge::kMin},
                                         {"last_ms", ColumnType::kInt64, Merge::kMax},
                                         {"width_ms", ColumnType::kInt64, Merge::kMax}},
                              .expire_by = "window_ms",
                              .retention = TableSpec::Retention::kMinutes};
  return spec;
}

const TableSpec& sample_table() {
  static const TableSpec spec{.name = "watch_sample",
                              .keys = {{"watch"},
                                       {"window_ms", ColumnType::kInt64},
                                       {"source"},
                                       {"topic"},
                                       {"part", ColumnType::kInt64},
                                       {"at_offset", ColumnType::kInt64}},
                              .values = {{"time_ms", ColumnType::kInt64, Merge::kLast},
                                         {"grp", ColumnType::kText, Merge::kLast},
                                         {"fields", ColumnType::kText, Merge::kLast},
                                         {"body", ColumnType::kText, Merge::kLast}},
                              .expire_by = "window_ms",
                              .retention = TableSpec::Retention::kMinutes};
  return spec;
}

const TableSpec& progress_table() {
  static const TableSpec spec{.name = "watch_progress",
                              .keys = {{"source"}, {"topic"}, {"part", ColumnType::kInt64}},
                              .values = {{"lines"},
                                         {"bytes"},
                                         {"malformed"},
                                         {"ahead"},
                                         {"gaps"},
                                         {"gap_messages"},
                                         {"next_offset", ColumnType::kInt64, Merge::kLast},
                                         {"updated_ms", ColumnType::kInt64, Merge::kLast}}};
  return spec;
}

const TableSpec& touched_table() {
  static const TableSpec spec{.name = "watch_touched",
                              .keys = {{"watch"},
                                       {"window_ms", ColumnType::kInt64},
                                       {"grp"},
                                       {"source"},
                                       {"topic"},
                                       {"part", ColumnType::kInt64},
                                       {"next_offset", ColumnType::kInt64}},
                              .values = {{"commits"}},
                              .expire_by = "window_ms",
                              .retention = TableSpec::Retention::kMinutes};
  return spec;
}

std::span<const TableSpec* const> watch_tables() {
  static const TableSpec* const all[] = {&window_table(), &sample_table(), &progress_table(),
                                         &touched_table()};
  return all;
}

}  // namespace waybill::watch
