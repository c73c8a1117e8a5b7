#pragma once
// The rows that ledgers keep. Written by LedgerTask, read by the API. Counts are sums of deltas.

#include <span>
#include <string>
#include <string_view>

#include "flow/rows.h"

namespace waybill::ledger {

/// Per bucket of the time at which messages were produced. Keys: ledger, start (epoch ms), producer, consumer
/// ('' = the producer's own row). Values: produced (producer's row), consumed, duplicated, unconsumed and
/// unrecorded (of messages whose deadline has passed; a late arrival takes them back), latency (LatencySketch
/// of first consumptions, base64).
const flow::TableSpec& bucket_table();

/// Messages to look at. Keys: ledger, kind ('unconsumed', 'duplicated', 'unrecorded'), produce_time (epoch
/// ms), uid, producer, consumer. Values: consume_time (epoch ms, -1 = none). Erased when a late arrival
/// corrects it. An id above 160 bytes is shortened to its beginning and a hash.
const flow::TableSpec& exception_table();

/// Lines by what they were. Keys: ledger, part (of a task). Values: lines, ignored, malformed, failed,
/// overflow.
const flow::TableSpec& line_table();

/// The first malformed lines of each task. Keys: ledger, place ("topic[3]@17"). Values: reason, text,
/// time_ms.
const flow::TableSpec& malformed_table();

/// All of the above.
std::span<const flow::TableSpec* const> ledger_tables();

/// As uid in a key.
std::string uid_key(std::string_view uid);

}  // namespace waybill::ledger
