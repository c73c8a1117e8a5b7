#pragma once
// A Task turns batches into rows, and is exact whatever dies (DESIGN section 6).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "flow/record.h"
#include "flow/rows.h"
#include "flow/source.h"

namespace waybill::flow {

/// Identity of a Task in the store: engine, configured name, and what it owns. Stable over restarts.
/// e.g. "collector/main/waybill-reports/3". At most 255 bytes.
using TaskId = std::string;

/// A part of a Task's state: any bytes. A segment above kSegmentBytesMax is a BUG; split it.
inline constexpr size_t kSegmentBytesMax = 1 << 20;

struct SegmentChange {
  enum class Op : uint8_t { kReplace, kAppend, kDrop };
  Op op = Op::kReplace;
  std::string name;   ///< unique in the Task, at most 255 bytes
  std::string bytes;  ///< empty for kDrop. kAppend adds a part behind the earlier ones
};

/// A question about the outside world. Workers answer it; open asks are part of the Task's state: after a restart the Task
/// emits those again that it still needs (its own segments say which).
struct Ask {
  enum class Kind : uint8_t { kRead, kBounds, kCommitted, kMembers, kTopicSettings };
  uint64_t id = 0;  ///< the Task's own number; comes back in the Answer
  Kind kind = Kind::kRead;
  SourcePartition partition;  ///< kCommitted, kMembers and kTopicSettings use source and topic only
  OffsetRange range;          ///< kRead
  Isolation isolation = Isolation::kCommitted;
  ReadLimits limits;
  std::string group;  ///< kCommitted, kMembers
};

struct Answer {
  uint64_t id = 0;
  std::variant<Error, RangeAnswer, Bounds, std::vector<std::pair<PartitionId, Offset>>, std::vector<RangeReader::Member>,
               RangeReader::TopicSettings>
      value;
};

/// What changed since the last flush. Filled by Task::flush, committed as one transaction with the positions.
struct Changes {
  Rows rows{};
  std::vector<SegmentChange> segments{};
  std::vector<OutboxKey> outbox{};
  std::vector<Ask> asks{};  ///< sent to the workers after the commit succeeded
};

/// Reads a Task's stored state in restore().
class SegmentReader {
 public:
  virtual ~SegmentReader() = default;
  /// Names of all segments, sorted.
  virtual std::vector<std::string> names() const = 0;
  /// The bytes of a segment: its parts joined in order. kNotFound when there is none.
  virtual Result<std::string> read(std::string_view name) const = 0;
};

/// The time up to which all partitions of a Task have delivered: the smallest of their newest record times, idle partitions
/// (5 s without records while at the end) left out. INT64_MIN until known.
struct Watermark {
  int64_t time_ms = INT64_MIN;
  bool caught_up = false;  ///< every partition of the Task stands at the end of its log
};

/// Single-threaded and pure: no clock, no I/O. Owns a fixed set of source partitions. The order of calls is
/// restore, then any of process/answer/advance, with flush after which the driver commits. When a commit fails or is fenced the
/// Task is destroyed; another is made from the store. Deterministic: equal inputs give equal rows.
class Task {
 public:
  virtual ~Task() = default;
  virtual Result<void> restore(const SegmentReader& segments) = 0;
  virtual void process(const Batch& batch, Now now) = 0;
  virtual void answer(const Answer& answer, Now now) = 0;
  /// Called at least once a second, also when idle.
  virtual void advance(Watermark watermark, Now now) = 0;
  /// Moves everything that changed since the last call into `changes` (which is empty).
  virtual void flush(Changes& changes) = 0;
  /// Bytes that flush would write, roughly; the driver commits early at 64 MB.
  virtual size_t pending_bytes() const { return 0; }
};

}  // namespace waybill::flow
