#pragma once
// The rows that the audit engine keeps. Written by the collector, read by the API. All counts are sums of
// deltas, so that Tasks, restarts and cluster members add up. `grp` is the consumer group, or empty for the
// produce side.

#include <span>

#include "flow/rows.h"

namespace waybill::audit {

inline constexpr int64_t kHourMs = 3'600'000;
inline constexpr int64_t kDayMs = 24 * kHourMs;

/// The states of a finding (DESIGN 4.2), in the order of the value columns below.
/// pending, suspected, lost, late, redelivered, unconfirmed, excused, accepted, replayed.

/// Totals per partition. Keys: cluster, topic, incarnation, part, grp ("(none)" = readers without group.id:
/// counted, never judged). part >= 0, from coverage: produce side (grp ''): count = acknowledged offsets as
/// claimed, distinct = offsets acknowledged; group side: count = hand-outs, distinct = offsets handed out;
/// the states; reordered; unaudited = distinct consumed offsets that no audited producer claimed. part = -1,
/// from the entries: what the whole topic counted, with or without an offset: count, bytes, failed, unknown,
/// offset_unknown, sent; nothing else. So a sum of `count` over all parts counts twice. next, high,
/// committed: kLast, -1 = none. log_start, log_end: from the broker, -1 = unknown (lag = log_end - next).
/// oldest_unread_ms: time of the first unread record, 0 = none or unknown. lost_found, lost_retracted:
/// messages that ever became lost, and that arrived after all although they were called lost; they only grow.
/// updated_ms: audit time of the newest change.
const flow::TableSpec& partition_table();

/// Per bucket. Keys: cluster, topic, kind (0 normal, 1 far, 2 untimed), start, grp. Minute rows; hour_table()
/// has the same columns with start at the hour. latency is a LatencySketch, base64. count and bytes come from
/// entries, distinct_offsets and the states from coverage. time_create and time_append: messages with such a
/// time; both > 0 = mixed. settled: of this row, 0 or 1; far and untimed rows (start 0) never settle and
/// never expire.
const flow::TableSpec& bucket_table();
const flow::TableSpec& hour_table();

/// Per bucket, tier, service and host, when CollectorOptions::hops. Keys: cluster, topic, start, tier ('produced',
/// 'consumed'), grp, service, host. What a group lost or was handed again belongs to no host: it stands in a
/// row of the group with service and host ''.
const flow::TableSpec& hop_table();

/// Failed sends. Keys: cluster, topic, code. count.
const flow::TableSpec& failed_table();

/// Per wall-clock minute. Keys: cluster, topic, minute, tier ('sent', 'produced', 'consumed', 'custom'), grp,
/// reporter.
const flow::TableSpec& rate_table();

/// Ranges with a state. Keys: cluster, topic, incarnation, partition, grp, first_offset. Adjacent ranges of
/// one state, reason and bucket are joined when read. The row of a range whose state ended (pending that was
/// consumed) is erased. last_offset is inclusive. times: extra hand-outs of each offset (redelivered). A
/// pending range is written when it has lasted 3 s; the counts of the other tables know it at once. lost_ms:
/// when it was found lost, 0 = never. decision: that closed it. to_partition, to_offset: of a replayed one,
/// where first_offset is now; the rest follows without gaps.
const flow::TableSpec& finding_table();

/// Keys: cluster, reporter, audit_partition. topics is a JSON array of names; clients of objects
/// {"client_id", "tier", "group", "instance", "flags", "library"}. A closed reporter is never vanished.
const flow::TableSpec& reporter_table();

/// Why figures are incomplete. Keys: cluster, topic ('' = every topic of that audit partition), reporter (''
/// = no single one), reason, from_ms. to_ms 0 = still going on. Reasons: report_missing, reporter_vanished,
/// reporter_dropped, bucket_width, audit_partitions, newer_version, audit_gap, overflow. A row is erased when
/// what was missing has arrived.
const flow::TableSpec& incomplete_table();

/// Counters of the collector itself. Keys: cluster, audit_partition, name: foreign_bytes, corrupt,
/// newer_version, duplicate, wrong_partition_count, misplaced_topic, refused_bucket_width, far_bucket,
/// claimed_twice, implausible_offset, broadcast, corrupt_decision, refused_decision, duplicate_decision,
/// replay_overflow, other_tier, incarnations, audit_gap, topic_overflow, group_overflow, reporter_overflow,
/// range_overflow.
const flow::TableSpec& counter_table();

/// What operators decided. Keys: cluster, topic, grp, decision (id in hex). kind: accept or replay. state:
/// refused (detail says why), applied (an accept), begun (a replay whose end was not told yet), delivered
/// (its messages are back in the topic and not all consumed), done. messages: what it closed, was to deliver,
/// or has delivered. ranges and unsure (not known whether delivered): JSON [[partition, first, last], ...];
/// moved: JSON
/// [[partition, first, last, to_partition, to_first], ...]; last is inclusive.
const flow::TableSpec& decision_table();

/// All of the above.
std::span<const flow::TableSpec* const> audit_tables();

}  // namespace waybill::audit
