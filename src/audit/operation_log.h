#pragma once
// The operations of an AuditState as bytes, and how checkpoint and log become segments (docs/decisions/0005).
// Pure.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/audit_state.h"
#include "base/result.h"
#include "flow/task.h"

namespace waybill::audit {

/// Runs operations on a state and writes them down. One that changes nothing is not written.
class OperationLog {
 public:
  OperationLog(AuditState& state, int64_t log_bytes_min)
      : state_(state), log_min_(static_cast<size_t>(log_bytes_min)) {}

  void apply(tally::Report report, int64_t time_ms);
  void tick(int64_t clock_ms);
  void judge();
  void set_bounds(TopicIndex topic, PartitionId partition, flow::Bounds bounds, int64_t wall_ms);
  void suspect(TopicIndex topic, PartitionId partition, OffsetRange range);
  void verdict(const AuditState::Place& place, int64_t incarnation, std::span<const Verdict> verdicts,
               bool sampled);
  void decide(const tally::Decision& decision, int64_t time_ms);
  void set_oldest_unread(TopicIndex topic, PartitionId partition, const std::string& group, int64_t time_ms);
  void first_record(TopicIndex topic, PartitionId partition, int64_t time_ms);
  void set_partition_count(TopicIndex topic, int32_t count);
  void retire(TopicIndex topic, const std::string& group);
  void disown(const AuditState::Place& place, int64_t incarnation, std::span<const OffsetRange> ranges);
  void note_incomplete(std::string_view reason, int64_t from_ms, int64_t to_ms, std::string detail);

  /// Moves the rows and the changed segments into `changes`.
  void flush(flow::Changes& changes);
  /// Loads the checkpoint and runs the log again. Errors: kCorrupt, kUnsupported (written by a newer build).
  Result<void> restore(const flow::SegmentReader& segments);
  size_t pending_bytes() const { return pending_.size(); }

  /// The log is folded into a checkpoint when it is larger than the last whole state, but not below the
  /// configured minimum, and always above this.
  static constexpr size_t kLogMax = 8u << 20;

 private:
  void write(const StateWriter& op_bytes);
  Result<void> replay(std::string_view log);
  bool replay_one(StateReader& in);
  bool replay_verdict(StateReader& in);
  bool replay_decision(StateReader& in);
  bool replay_owes(uint64_t operation, StateReader& in);
  void append_log(flow::Changes& changes);
  void checkpoint(flow::Changes& changes);
  void replace(const std::string& base, std::string_view bytes, flow::Changes& changes);
  void drop(const std::string& base, flow::Changes& changes);

  AuditState& state_;
  size_t log_min_;
  std::string pending_;   ///< operations since the last flush
  size_t log_bytes_ = 0;  ///< stored
  size_t log_segments_ = 0;
  std::map<std::string, size_t> stored_;  ///< checkpoint: base name -> bytes
  bool stamped_ = false;                  ///< the format segment exists
};

}  // namespace waybill::audit
