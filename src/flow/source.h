#pragma once
// Where records come from, and how single ranges are read back.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "flow/record.h"

namespace waybill::flow {

struct Bounds {
  Offset start;  ///< log start: lowest offset that still exists
  Offset end;    ///< one past the newest (high watermark)
};

enum class RevokeReason { kRebalanced, kLost };  ///< kLost: another member may own it already; write nothing

/// Told during poll() which partitions this process owns. Called on the polling thread.
class Assignments {
 public:
  virtual ~Assignments() = default;
  /// Reading has not begun; the listener seeks each partition (Source::seek) to its stored position, if any, before it returns.
  /// A partition that it cannot take it must leave: return those that it took.
  virtual std::vector<SourcePartition> assigned(std::span<const SourcePartition> partitions) = 0;
  /// After return no batch of these partitions is delivered.
  virtual void revoked(std::span<const SourcePartition> partitions, RevokeReason reason) = 0;
};

struct SourceHealth {
  std::string member;        ///< member or client id
  bool degraded = false;     ///< backing off after a failure; the source retries by itself
  std::string detail;        ///< last error, for people, without secrets
  std::vector<SourcePartition> partitions;
  int64_t lag_messages = 0;
};

/// A stream of batches over partitions that a group protocol or a fixed list assigns. Used from one thread.
class Source {
 public:
  virtual ~Source() = default;
  /// Waits up to `wait` for records; an empty batch when there are none. Of a partition that stands at its end, one empty batch
  /// says where that is, also before the first record. Views live until the next poll.
  /// A failure of one topic or broker is not an error here: it shows in health() and is retried with back-off.
  /// Errors: kFenced or kConflict when this member must stop.
  virtual Result<Batch> poll(Millis wait) = 0;
  virtual Result<void> seek(const SourcePartition& partition, Offset next) = 0;
  virtual void pause(const SourcePartition& partition) = 0;
  virtual void resume(const SourcePartition& partition) = 0;
  /// Last known bounds without a request, for lag; kUnavailable when not known yet.
  virtual Result<Bounds> bounds(const SourcePartition& partition) = 0;
  /// Publishes stored positions to the broker's group so that other tools see our lag; `metadata` is the store's id.
  /// Asynchronous; a failure shows in health().
  virtual void publish(std::span<const std::pair<SourcePartition, Offset>> positions, std::string_view metadata) = 0;
  virtual SourceHealth health() const = 0;  ///< any thread
  /// Leaves the group. After this only destruction. At most 5 s.
  virtual void close() = 0;
};

enum class Isolation { kCommitted, kUncommitted };

struct ReadLimits {
  int64_t messages_max = 10'000;
  int64_t bytes_max = 8 << 20;
  Millis timeout{5000};
  bool values = false;  ///< keep key and value previews of at most 1 KiB
};

struct RangeRecord {
  Offset offset;
  int64_t time_ms = 0;
  TimeType time_type = TimeType::kNone;
  int64_t size_bytes = 0;
  std::string key;
  std::string value;
};

struct RangeAnswer {
  std::vector<RangeRecord> records;  ///< inside the range, ascending
  Offset judged_to;                  ///< offsets below are judged: the broker returned a record or the end at or beyond here
  Bounds bounds;                     ///< at the time of reading; `end` is the last stable offset under kCommitted
};

/// Reads exactly one range of one partition, for the verifier, lag ages and replay. Thread-safe.
class RangeReader {
 public:
  virtual ~RangeReader() = default;
  virtual Result<RangeAnswer> read(const SourcePartition& partition, OffsetRange range, Isolation isolation,
                                   const ReadLimits& limits) = 0;
  virtual Result<Bounds> bounds(const SourcePartition& partition, Millis timeout) = 0;
  /// Committed positions of a group for the partitions of one topic; partitions without a commit are absent.
  virtual Result<std::vector<std::pair<PartitionId, Offset>>> committed(std::string_view group, std::string_view topic,
                                                                        Millis timeout) = 0;
  struct Member {
    std::string member_id, client_id, host;
    std::vector<std::pair<std::string, PartitionId>> partitions;
  };
  /// Members of a group as the broker describes them.
  virtual Result<std::vector<Member>> members(std::string_view group, Millis timeout) = 0;
  struct TopicSettings {
    std::string cleanup_policy;  ///< as configured: "delete", "compact", or both; empty = nobody says
    int32_t partitions = -1;     ///< -1 = unknown
  };
  /// How the brokers keep a topic. The policy needs DESCRIBE_CONFIGS, the rest DESCRIBE; kDenied without both,
  /// kUnsupported by readers that cannot tell.
  virtual Result<TopicSettings> topic_settings(std::string_view topic, Millis timeout) {
    (void)topic, (void)timeout;
    return fail(Errc::kUnsupported, "this reader does not know how topics are configured");
  }
};

}  // namespace waybill::flow
