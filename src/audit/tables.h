#pragma once
// The rows that the audit engine keeps. Written by the collector, read by the API. All counts are sums of deltas, so that
// Tasks, restarts and cluster members add up. `grp` is the consumer group, or empty for the produce side.

#include <span>

#include "flow/rows.h"

namespace waybill::audit {

/// The states of a finding (DESIGN 4.2), in the order of the value columns below.
/// pending, suspected, lost, late, redelivered, unconfirmed, excused, accepted, replayed.

/// Totals per partition. Keys: cluster, topic, incarnation, partition, grp.
/// Produce side (grp ''): count = acknowledged, distinct = offsets acknowledged, failed, unknown, offset_unknown, sent.
/// Group side: count = hand-outs, distinct = offsets handed out; the states; unaudited = distinct consumed offsets that no audited
/// producer claimed. next, high, committed: kLast, -1 = none. log_start, log_end: from the broker, -1 = unknown.
/// oldest_unread_ms: time of the first unread record, 0 = none or unknown.
const flow::TableSpec& partition_table();

/// Per bucket. Keys: cluster, topic, kind (0 normal, 1 far, 2 untimed), start, grp. Minute rows; hour_table() has the same columns
/// with start at the hour. latency is a LatencySketch, base64.
const flow::TableSpec& bucket_table();
const flow::TableSpec& hour_table();

/// Failed sends. Keys: cluster, topic, code. count.
const flow::TableSpec& failed_table();

/// Per wall-clock minute. Keys: cluster, topic, minute, tier ('sent', 'produced', 'consumed', 'custom'), grp, reporter.
const flow::TableSpec& rate_table();

/// Ranges with a state. Keys: cluster, topic, incarnation, partition, grp, first_offset. Adjacent ranges of one state, reason and
/// bucket are joined when read. The row of a range whose state ended (pending that was consumed) is erased.
const flow::TableSpec& finding_table();

/// Keys: cluster, reporter, audit_partition. clients and topics are JSON arrays.
const flow::TableSpec& reporter_table();

/// Why figures are incomplete. Keys: cluster, topic ('' = every topic of that audit partition), reporter, reason, from_ms.
const flow::TableSpec& incomplete_table();

/// Counters of the collector itself. Keys: cluster, audit_partition, name (e.g. 'foreign_bytes', 'newer_version', 'duplicate').
const flow::TableSpec& counter_table();

/// All of the above.
std::span<const flow::TableSpec* const> audit_tables();

}  // namespace waybill::audit
