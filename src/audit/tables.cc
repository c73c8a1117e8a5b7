#include "audit/tables.h"

#include <string>

#include "tally/latency_text.h"

namespace waybill::audit {
namespace {

using flow::ColumnType;
using flow::Merge;
using flow::TableSpec;
using Retention = flow::TableSpec::Retention;
constexpr auto kText = ColumnType::kText;
constexpr auto kInt = ColumnType::kInt64;

std::vector<flow::ValueColumn> with_states(std::vector<flow::ValueColumn> first,
                                           std::vector<flow::ValueColumn> last) {
  for (std::string_view state : {"pending", "suspected", "lost", "late", "redelivered", "unconfirmed",
                                 "excused", "accepted", "replayed"}) {
    first.push_back({state});
  }
  first.insert(first.end(), last.begin(), last.end());
  return first;
}

TableSpec bucket_spec(std::string_view name, Retention retention) {
  return {.name = name,
          .keys = {{"cluster"}, {"topic"}, {"kind", kInt}, {"start", kInt}, {"grp"}},
          .values = with_states({{"count"},
                                 {"bytes"},
                                 {"distinct_offsets"},
                                 {"failed"},
                                 {"unknown"},
                                 {"offset_unknown"},
                                 {"sent"},
                                 {"reordered"},
                                 {"unaudited"},
                                 {"latency", kText, Merge::kSketch}},
                                {{"time_create"},
                                 {"time_append"},
                                 {"settled", kInt, Merge::kLast},
                                 {"interval_ms", kInt, Merge::kMax}}),
          .merge_sketch = tally::merge_latency_texts,
          .expire_by = "start",
          .retention = retention};
}

}  // namespace

const TableSpec& partition_table() {
  static const TableSpec spec{
      .name = "audit_partition",
      .keys = {{"cluster"}, {"topic"}, {"incarnation", kInt}, {"part", kInt}, {"grp"}},
      .values = with_states({{"count"},
                             {"bytes"},
                             {"distinct_offsets"},
                             {"failed"},
                             {"unknown"},
                             {"offset_unknown"},
                             {"sent"},
                             {"reordered"},
                             {"unaudited"}},
                            {{"next_offset", kInt, Merge::kLast},
                             {"high_offset", kInt, Merge::kLast},
                             {"committed_offset", kInt, Merge::kLast},
                             {"log_start", kInt, Merge::kLast},
                             {"log_end", kInt, Merge::kLast},
                             {"oldest_unread_ms", kInt, Merge::kLast},
                             {"updated_ms", kInt, Merge::kLast},
                             {"lost_found"},
                             {"lost_retracted"}}),
      .version = 2,
  };
  return spec;
}

const TableSpec& bucket_table() {
  static const TableSpec spec = bucket_spec("audit_bucket", Retention::kMinutes);
  return spec;
}

const TableSpec& hour_table() {
  static const TableSpec spec = bucket_spec("audit_hour", Retention::kHours);
  return spec;
}

const TableSpec& hop_table() {
  static const TableSpec spec{
      .name = "audit_hop",
      .keys = {{"cluster"}, {"topic"}, {"start", kInt}, {"tier"}, {"grp"}, {"service"}, {"host"}},
      .values = {{"count"},
                 {"lost"},
                 {"redelivered"},
                 {"latency", kText, Merge::kSketch},
                 {"interval_ms", kInt, Merge::kMax},
                 {"ip", kText, Merge::kLast}},
      .merge_sketch = tally::merge_latency_texts,
      .expire_by = "start",
      .retention = Retention::kMinutes};
  return spec;
}

const TableSpec& failed_table() {
  static const TableSpec spec{
      .name = "audit_failed", .keys = {{"cluster"}, {"topic"}, {"code", kInt}}, .values = {{"count"}}};
  return spec;
}

const TableSpec& rate_table() {
  static const TableSpec spec{
      .name = "audit_rate",
      .keys = {{"cluster"}, {"topic"}, {"minute_ms", kInt}, {"tier"}, {"grp"}, {"reporter"}},
      .values = {{"count"}, {"bytes"}},
      .expire_by = "minute_ms",
      .retention = Retention::kMinutes};
  return spec;
}

const TableSpec& finding_table() {
  static const TableSpec spec{.name = "audit_finding",
                              .keys = {{"cluster"},
                                       {"topic"},
                                       {"incarnation", kInt},
                                       {"part", kInt},
                                       {"grp"},
                                       {"first_offset", kInt},
                                       {"state"}},
                              .values = {{"last_offset", kInt, Merge::kLast},
                                         {"reason", kText, Merge::kLast},
                                         {"bucket_kind", kInt, Merge::kLast},
                                         {"bucket_start", kInt, Merge::kLast},
                                         {"times", kInt, Merge::kSum},
                                         {"found_ms", kInt, Merge::kLast},
                                         {"verified_ms", kInt, Merge::kLast},
                                         {"detail", kText, Merge::kLast},
                                         {"lost_ms", kInt, Merge::kLast},
                                         {"decision", kText, Merge::kLast},
                                         {"to_partition", kInt, Merge::kLast},
                                         {"to_offset", kInt, Merge::kLast}},
                              .version = 2,
                              .expire_by = "found_ms",
                              .retention = Retention::kFindings};
  return spec;
}

const TableSpec& reporter_table() {
  static const TableSpec spec{.name = "audit_reporter",
                              .keys = {{"cluster"}, {"reporter"}, {"audit_partition", kInt}},
                              .values = {{"host", kText, Merge::kLast},
                                         {"ip", kText, Merge::kLast},
                                         {"service", kText, Merge::kLast},
                                         {"data_center", kText, Merge::kLast},
                                         {"pid", kInt, Merge::kLast},
                                         {"clients", kText, Merge::kLast},
                                         {"topics", kText, Merge::kLast},
                                         {"first_seen_ms", kInt, Merge::kMin},
                                         {"last_seen_ms", kInt, Merge::kMax},
                                         {"complete_up_to_ms", kInt, Merge::kMax},
                                         {"reports", kInt, Merge::kSum},
                                         {"missing_reports", kInt, Merge::kLast},
                                         {"dropped", kInt, Merge::kSum},
                                         {"closed", kInt, Merge::kLast},
                                         {"vanished", kInt, Merge::kLast}},
                              .expire_by = "last_seen_ms",
                              .retention = Retention::kFindings};
  return spec;
}

const TableSpec& incomplete_table() {
  static const TableSpec spec{.name = "audit_incomplete",
                              .keys = {{"cluster"}, {"topic"}, {"reporter"}, {"reason"}, {"from_ms", kInt}},
                              .values = {{"to_ms", kInt, Merge::kLast}, {"detail", kText, Merge::kLast}},
                              .expire_by = "from_ms",
                              .retention = Retention::kFindings};
  return spec;
}

const TableSpec& counter_table() {
  static const TableSpec spec{.name = "audit_counter",
                              .keys = {{"cluster"}, {"audit_partition", kInt}, {"name"}},
                              .values = {{"count"}}};
  return spec;
}

const TableSpec& decision_table() {
  static const TableSpec spec{.name = "audit_decision",
                              .keys = {{"cluster"}, {"topic"}, {"grp"}, {"decision"}},
                              .values = {{"kind", kText, Merge::kLast},
                                         {"state", kText, Merge::kLast},
                                         {"by_whom", kText, Merge::kLast},
                                         {"reason", kText, Merge::kLast},
                                         {"decided_ms", kInt, Merge::kLast},
                                         {"applied_ms", kInt, Merge::kLast},
                                         {"incarnation", kInt, Merge::kLast},
                                         {"messages", kInt, Merge::kLast},
                                         {"to_topic", kText, Merge::kLast},
                                         {"ranges", kText, Merge::kLast},
                                         {"moved", kText, Merge::kLast},
                                         {"unsure", kText, Merge::kLast},
                                         {"detail", kText, Merge::kLast}},
                              .expire_by = "decided_ms",
                              .retention = Retention::kFindings};
  return spec;
}

std::span<const TableSpec* const> audit_tables() {
  static const TableSpec* const all[] = {
      &partition_table(), &bucket_table(),   &hour_table(),       &failed_table(),  &rate_table(),
      &finding_table(),   &reporter_table(), &incomplete_table(), &counter_table(), &decision_table(),
      &hop_table()};
  return all;
}

}  // namespace waybill::audit
