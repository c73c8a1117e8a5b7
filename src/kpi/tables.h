#pragma once
// The rows that the KPI engine keeps. Written by its Task, read by the API. Counts and sums are deltas, so
// that Tasks, restarts and partitions add up. `part` is what the writing Task owns: "topic/3", "3" or "".

#include <span>

#include "flow/rows.h"
#include "kpi/partial.h"

namespace waybill::kpi {

/// Figures. Keys: kpi, start_ms, grp (values of the dimensions joined by U+001F), value (of the KPI; "" = all
/// lines of the group), part. end_ms; count; sum = sum_high * 2^32 + sum_low; value_min, value_max
/// (INT64_MAX, INT64_MIN = none); sketch: a LatencySketch, base64. Windows below an hour live as long as
/// minute rows, the others as hour rows.
const flow::TableSpec& minute_table();
const flow::TableSpec& hour_table();
const flow::TableSpec& value_table(int64_t window_ms);

/// How far a part has come. Keys: kpi, part. newest_ms: event time of the newest line (0 = none); too_late,
/// other_lines, repeated_lines (dropped as sent twice), gap_messages (deleted before they were read): sums;
/// caught_up: 1 = the part stood at the end of its log at updated_ms.
const flow::TableSpec& progress_table();

/// What was left out. Keys: kpi ("" = lines that nobody can read), part, reason, field, detail. count,
/// first_offset, sample.
const flow::TableSpec& problem_table();

/// Ids that stand at a step for longer than the limit. Keys: kpi, id. grp, step, since_ms.
const flow::TableSpec& stuck_table();

/// Hosts whose agents sent lines. Keys: source (cluster/topic), host. last_ms: time of the newest record.
const flow::TableSpec& agent_table();

/// How far the figures of this database reach, written in the transaction that writes them; a contract for
/// other programs (docs/kpi.md). Keys: grp (consumer group), cluster, topic, part. next_offset; updated_ms.
const flow::TableSpec& position_table();

/// All of the above.
std::span<const flow::TableSpec* const> kpi_tables();

/// A sum in two columns that may each be added up.
struct SplitSum {
  int64_t low = 0;
  int64_t high = 0;
};
SplitSum split_sum(Int128 sum);
Int128 join_sum(SplitSum sum);

}  // namespace waybill::kpi
