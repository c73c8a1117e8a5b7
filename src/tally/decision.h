#pragma once
// A decision: what an operator has settled about losses of one group in one topic. Values only; the bytes are
// specified by proto/waybill/v1/report.proto and written beside the reports of that topic. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace waybill::tally {

/// The newest decision format that this build reads and writes.
inline constexpr uint32_t kDecisionVersion = 1;
inline constexpr size_t kDecisionBytesMax = 512 * 1024;
inline constexpr size_t kDecisionRangesMax = 10'000;  ///< ranges and moved runs of one decision, each
inline constexpr size_t kDecisionTextMax = 3'000;     ///< bytes of each of its texts

enum class DecisionKind : uint8_t {
  kAccept = 1,       ///< what is lost in the ranges is closed
  kReplayBegin = 2,  ///< what is lost in the ranges is about to be delivered again
  kReplayEnd = 3,    ///< what became of a replay that began under the same id
};

/// Offsets [range) were delivered again as [to, to + range.size()) of another partition or the same one.
struct Moved {
  OffsetRange range;
  Offset to;
  bool operator==(const Moved&) const = default;
};

/// One partition's part. Several entries may name one partition when its messages went to several.
struct DecidedPartition {
  PartitionId partition;
  std::vector<OffsetRange>
      ranges;  ///< sorted, disjoint, not touching, not empty; kReplayEnd: not known whether delivered
  PartitionId to_partition;  ///< of `moved`
  std::vector<Moved> moved;  ///< sorted by range, disjoint; kReplayEnd only
  bool operator==(const DecidedPartition&) const = default;
};

struct Decision {
  uint32_t version = kDecisionVersion;
  Id128 id;  ///< random; a second decision of this id and kind changes nothing
  DecisionKind kind = DecisionKind::kAccept;
  int64_t decided_ms = 0;  ///< the server's clock
  std::string by;          ///< who, as far as the server knows
  std::string reason;      ///< in the operator's words
  std::string cluster;     ///< as the server's configuration names it; for people
  std::string topic;
  std::string group;
  int32_t audit_partitions = 0;  ///< partition count of the audit topic that the server hashed with
  int64_t incarnation = 0;       ///< life of the topic that the ranges belong to
  std::vector<DecidedPartition> partitions;
  std::string to_topic;  ///< replays: where to; the topic itself for a replay in place
  bool again = false;    ///< kReplayBegin: also what an earlier replay may have delivered
  bool operator==(const Decision&) const = default;

  int64_t messages() const;  ///< offsets in all ranges
};

/// Whether a record of the audit topic is a decision and no report: it begins with its version's tag, a field
/// number that no report has.
bool is_decision(std::string_view bytes);

/// The bytes; deterministic. REQUIRES: check_decision() has no error.
std::string encode_decision(const Decision& decision);

/// Any bytes give a Decision or an error; never crashes. Unknown fields are skipped. Errors: kUnsupported
/// (newer version or kind), kTruncated, kCorrupt (not protobuf, or what check_decision names), kLimit (more
/// bytes, ranges or text than above).
Result<Decision> decode_decision(std::string_view bytes);

/// What decode_decision demands: an id, a topic, a group, texts within kDecisionTextMax, partitions and
/// offsets not negative, no partition without ranges, ranges and moved runs sorted, disjoint and not empty,
/// moved runs and `to_topic` where they belong.
Result<void> check_decision(const Decision& decision);

}  // namespace waybill::tally
