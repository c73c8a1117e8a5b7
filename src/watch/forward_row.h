#pragma once
// A matched record of a watch with `forward:` as a row of the outbox, and back.

#include <optional>
#include <string>
#include <string_view>

#include "flow/record.h"
#include "flow/rows.h"

namespace waybill::watch {

struct ForwardRow {
  std::string watch;
  std::string cluster, topic;
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t time_ms = 0;  ///< epoch ms, the record's create time
  bool has_key = false;
  std::string key;  ///< looked at when has_key
  std::string value;
};

/// OutboxKey::table is kForwardOutbox, key is watch US cluster US topic US partition US offset, body is
/// base64 of the value, ":", time_ms, and with a key ":" and base64 of it.
flow::OutboxKey forward_row(std::string_view watch, const flow::SourcePartition& from,
                            const flow::Record& record, int64_t time_ms);

/// nullopt: another table's row, or one that was not made by forward_row().
std::optional<ForwardRow> parse_forward_row(const flow::OutboxKey& row);

}  // namespace waybill::watch
