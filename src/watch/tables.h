#pragma once
// The rows that the watch engine keeps. Written by its Task; read by the API and by what alerts.

#include <span>

#include "flow/rows.h"

namespace waybill::watch {

/// Matches. Keys: watch, window_ms (start of the window in message time), grp (values of `by` joined by
/// U+001F; "" without `by`; kOtherGroup beyond kGroupsMax), source (cluster), topic, part. matched: a sum;
/// first_ms, last_ms: record times of the first and the last hit; width_ms: of the window. Grouped by (watch,
/// window_ms, grp) the rows of all partitions add up.
const flow::TableSpec& window_table();

/// Kept messages, masked. Keys: watch, window_ms, source, topic, part, at_offset. time_ms; grp; fields (JSON
/// object); body (the message's first kSampleBytesMax bytes, UTF-8).
const flow::TableSpec& sample_table();

/// What was read. Keys: source, topic, part. lines, bytes, malformed (of those that had to be parsed), ahead
/// (record times over kAheadMaxMs in the future, counted in the window of the time they were read), gaps,
/// gap_messages (offsets that existed no longer): sums. next_offset; updated_ms.
const flow::TableSpec& progress_table();

/// Windows that grew and were not yet looked at by what alerts, of watches with RuleSettings::alerts. Keys: watch,
/// window_ms, grp, source, topic, part, next_offset (of the commit, so that erasing one row loses no later
/// growth). commits.
const flow::TableSpec& touched_table();

std::span<const flow::TableSpec* const> watch_tables();

/// OutboxKey::table of matched records of watches with `forward:` (forward_row.h).
inline constexpr std::string_view kForwardOutbox = "watch_forward";

inline constexpr std::string_view kOtherGroup = "(other)";

}  // namespace waybill::watch
