#pragma once
// Rows of hop_table() as documents for an index that people search.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flow/store.h"

namespace waybill::audit {

struct HopDocument {
  std::string id;        ///< of the row's key
  int64_t begin_ms = 0;  ///< epoch ms, of the bucket
  std::string body;      ///< {"cluster", "topic", "tier", "groupId", "service", "host", "ip", "begin", "end",
                         ///< "msgCount", "latencyMean", "latencyMax", "latencyC95", "latencyC99", "lost",
                         ///< "redelivered"}; empty texts and latencies of nothing are left out
};

/// `name`: the key columns of hop_table(), joined by U+001F. nullopt: the row is gone, or no such name.
/// Errors: those of the store.
Result<std::optional<HopDocument>> hop_document(flow::Store& store, std::string_view name);

}  // namespace waybill::audit
