#pragma once
// What sources hand to tasks. Views die with the batch.

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/types.h"

namespace waybill::flow {

/// One partition of one source. `source` is the configured name of a cluster (or of a file source), `topic` the topic or path.
struct SourcePartition {
  std::string source;
  std::string topic;
  PartitionId partition;
  auto operator<=>(const SourcePartition&) const = default;
  template <class H>
  friend H AbslHashValue(H h, const SourcePartition& p) {
    return H::combine(std::move(h), p.source, p.topic, p.partition);
  }
  /// "topic[3]", for messages to people.
  std::string str() const { return topic + "[" + std::to_string(partition.value) + "]"; }
};

enum class TimeType : uint8_t { kNone, kCreate, kAppend };

struct Header {
  std::string_view key;
  std::string_view value;
};

struct Record {
  Offset offset;
  int64_t time_ms = 0;  ///< epoch ms; 0 when time_type is kNone
  TimeType time_type = TimeType::kNone;
  bool has_key = false;
  bool has_value = false;  ///< false = tombstone
  std::string_view key;
  std::string_view value;
  std::span<const Header> headers;
};

/// Offsets that were to be read and exist no longer. Never silent: a Task must say that its figures are incomplete.
struct Gap {
  enum class Kind : uint8_t {
    kExpired,  ///< `range` = [our position, log start): deleted by retention before it was read
    kReset,    ///< `range` = [log end, our position): the log ended below our position, so it was truncated, or deleted and
               ///< made again. Reading goes on at the log start: offsets that were read before may hold other records now
  };
  Kind kind = Kind::kExpired;
  OffsetRange range;
  bool counted = true;  ///< false: offsets of this source jump, so the range says nothing of how many there were
  int64_t messages() const { return counted ? range.size() : 0; }
};

/// Readable bytes behind Batch::lines.
inline constexpr size_t kLinePadding = 64;

/// No newline but the last byte.
inline bool is_one_line(std::string_view value) {
  const size_t found = value.find('\n');
  return found == std::string_view::npos || found + 1 == value.size();
}

/// Consecutive hand-out of one partition. Offsets ascend but may jump (markers, compaction): a jump is not a loss.
struct Batch {
  SourcePartition from;
  std::span<const Record> records;
  Offset next;  ///< where reading goes on after this batch; beyond the last record when only markers follow
  std::optional<Gap> gap = std::nullopt;  ///< set: `records` is empty, and reading goes on at `next`
  /// The values of all records in one piece, for whoever scans blocks: each is one line and ends with a newline, which is added
  /// where it has none of its own. Empty when the source does not keep them so. The values of `records` are views into it.
  std::string_view lines = {};
};

}  // namespace waybill::flow
