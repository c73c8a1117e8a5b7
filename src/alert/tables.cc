#include "alert/tables.h"

namespace waybill::alert {

using flow::ColumnType;
using flow::Merge;
using flow::TableSpec;
using Retention = flow::TableSpec::Retention;

namespace {
constexpr auto kText = ColumnType::kText;
constexpr auto kInt = ColumnType::kInt64;
constexpr auto kReal = ColumnType::kDouble;
}  // namespace

const TableSpec& alert_table() {
  static const TableSpec spec{.name = "alert_state",
                              .keys = {{"id"}},
                              .values = {{"rule_name", kText, Merge::kLast},
                                         {"severity", kText, Merge::kLast},
                                         {"state", kText, Merge::kLast},
                                         {"labels", kText, Merge::kLast},
                                         {"summary", kText, Merge::kLast},
                                         {"description", kText, Merge::kLast},
                                         {"evidence", kText, Merge::kLast},
                                         {"link", kText, Merge::kLast},
                                         {"receivers", kText, Merge::kLast},
                                         {"amount", kReal, Merge::kLast},
                                         {"since_ms", kInt, Merge::kLast},
                                         {"began_ms", kInt, Merge::kLast},
                                         {"fired_ms", kInt, Merge::kLast},
                                         {"resolved_ms", kInt, Merge::kLast},
                                         {"holds_until_ms", kInt, Merge::kLast},
                                         {"ended_ms", kInt, Merge::kLast},
                                         {"told_ms", kInt, Merge::kLast},
                                         {"told_amount", kReal, Merge::kLast},
                                         {"expire_ms", kInt, Merge::kLast}},
                              .expire_by = "expire_ms",
                              .retention = Retention::kFindings};
  return spec;
}

const TableSpec& event_table() {
  static const TableSpec spec{.name = "alert_event",
                              .keys = {{"id"}, {"at_ms", kInt}, {"state"}},
                              .values = {{"amount", kReal, Merge::kLast}},
                              .expire_by = "at_ms",
                              .retention = Retention::kFindings};
  return spec;
}

const TableSpec& queue_table() {
  static const TableSpec spec{.name = "alert_queue",
                              .keys = {{"notifier"}, {"seq", kInt}},
                              .values = {{"body", kText, Merge::kLast}, {"at_ms", kInt, Merge::kLast}}};
  return spec;
}

const TableSpec& mute_table() {
  static const TableSpec spec{.name = "alert_mute",
                              .keys = {{"id"}},
                              .values = {{"until_ms", kInt, Merge::kLast}, {"at_ms", kInt, Merge::kLast}},
                              .expire_by = "until_ms",
                              .retention = Retention::kFindings};
  return spec;
}

const TableSpec& source_table() {
  static const TableSpec spec{.name = "alert_source",
                              .keys = {{"owner"}, {"source"}},
                              .values = {{"degraded", kInt, Merge::kLast},
                                         {"detail", kText, Merge::kLast},
                                         {"lag_messages", kInt, Merge::kLast},
                                         {"since_ms", kInt, Merge::kLast},
                                         {"updated_ms", kInt, Merge::kLast}},
                              .expire_by = "updated_ms",
                              .retention = Retention::kMinutes};
  return spec;
}

std::span<const TableSpec* const> alert_tables() {
  static const TableSpec* const all[] = {&alert_table(), &event_table(), &queue_table(), &mute_table(),
                                         &source_table()};
  return all;
}

}  // namespace waybill::alert
