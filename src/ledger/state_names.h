#pragma once
// The other bytes of a Task's state: names, meta, and parts of slices.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "flow/task.h"
#include "ledger/roster.h"
#include "ledger/shard.h"

namespace waybill::ledger {

struct TaskMeta {
  struct Slice {
    uint64_t number = 0;
    int64_t first_ms = 0;  ///< the stream's time when it was begun
    int64_t last_ms = 0;   ///< and of its newest part
    uint64_t bytes = 0;
  };
  uint64_t seed = 0;
  uint64_t next_slice = 1;
  int64_t time_ms = 0;
  int64_t malformed = 0;  ///< rows written
  std::deque<Slice> slices{};
};

std::string encode_meta(const TaskMeta& meta);
/// kTruncated, kCorrupt, or kUnsupported for a newer version.
Result<TaskMeta> decode_meta(std::string_view bytes);

std::string encode_names(const Roster& roster);
Result<std::vector<ProducerName>> decode_names(std::string_view bytes);

inline constexpr size_t kPartHeader = 12;
/// Entries that were written at one time. REQUIRES: below 4 GiB.
std::string part_bytes(int64_t time_ms, std::string_view entries);
/// Applies the parts of a slice, each with its time as the shard's stamp.
Result<void> apply_parts(std::string_view bytes, Shard& shard);

std::string slice_name(uint64_t number);

/// Bytes as segments NAME, NAME.1 ... of at most kSegmentBytesMax; the first 4 bytes say how many.
std::vector<std::pair<std::string, std::string>> split_segment(const std::string& name,
                                                               std::string_view bytes);
/// Empty when there is none.
Result<std::string> read_split(const flow::SegmentReader& segments, const std::string& name);

}  // namespace waybill::ledger
