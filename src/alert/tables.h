#pragma once
// The rows of alerts. Written by the evaluator, the deliverers and the API; read by the API.

#include <span>

#include "flow/rows.h"

namespace waybill::alert {

/// Alerts that are pending or fire, and those that did. Keys: id (fingerprint). rule, severity, state (their
/// names), labels (JSON object), summary, description, evidence (JSON), link, receivers (JSON array), value;
/// since_ms: of the state; began_ms: the condition; fired_ms, resolved_ms, holds_until_ms (0 = until not
/// seen), ended_ms (0 = the condition holds), told_ms (0 = not told), told_value. expire_ms: 0 until it is
/// resolved.
const flow::TableSpec& alert_table();

/// History. Keys: id, at_ms, state ("inactive" = was pending and never fired). value.
const flow::TableSpec& event_table();

/// What waits to be sent. Keys: notifier, sequence. body (notice_text), at_ms.
const flow::TableSpec& queue_table();

/// Keys: id. until_ms (0 = not muted), at_ms.
const flow::TableSpec& mute_table();

/// How each process reads its sources, so that the one that evaluates knows of all. Keys: owner, source
/// ("engine/name"). degraded (0, 1), detail, lag_messages, since_ms (of degraded), updated_ms.
const flow::TableSpec& source_table();

std::span<const flow::TableSpec* const> alert_tables();

}  // namespace waybill::alert
