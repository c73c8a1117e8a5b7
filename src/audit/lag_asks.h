#pragma once
// Asks the broker where each audited partition ends and how old the first unread message is. Pure.

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "audit/operation_log.h"
#include "flow/task.h"

namespace waybill::audit {

/// Rounds over all partitions, at most kOpenMax asks open at once. Holds no stored state: after a restart the
/// next round asks again. Not thread-safe.
class LagAsks {
 public:
  static constexpr size_t kOpenMax = 256;
  static constexpr size_t kUnreadMax =
      4;  ///< records read at once; more would keep the verifier's readings waiting
  static constexpr int64_t kForgetMs = 60'000;  ///< an ask without an answer for so long is given up

  LagAsks(std::string cluster, int64_t every_ms) : cluster_(std::move(cluster)), every_ms_(every_ms) {}

  void advance(const AuditState& state, int64_t steady_ms);
  void answer(const flow::Answer& answer, OperationLog& log, AuditState& state, Now now);
  void flush(std::vector<flow::Ask>& asks);

 private:
  enum class What : uint8_t { kBounds, kOldestUnread, kFirstRecord };
  struct Open {
    What what = What::kBounds;
    TopicIndex topic = 0;
    PartitionId partition;
    std::string group;
    int64_t since_steady_ms = 0;
    Offset acked_end{0};  ///< one past what was known to be acknowledged when the ask was made
  };
  void ask(const AuditState& state, Open open, OffsetRange range);
  void answer_bounds(const Open& open, const flow::Bounds& bounds, OperationLog& log, AuditState& state,
                     Now now);

  size_t unread_open() const;
  void first_record(const Open& open, int64_t time_ms, OperationLog& log, AuditState& state, Now now);

  std::string cluster_;
  int64_t every_ms_;
  int64_t last_round_ms_ = INT64_MIN;
  std::deque<std::pair<TopicIndex, PartitionId>> round_;
  size_t partitions_ = 0;  ///< known at the last advance
  uint64_t next_id_ = 1;
  std::map<uint64_t, Open> open_;
  std::map<std::pair<TopicIndex, PartitionId>, Offset>
      short_;  ///< acknowledged past the end at the last round
  std::set<std::pair<TopicIndex, PartitionId>> asked_first_;
  std::vector<flow::Ask> ready_;
};

}  // namespace waybill::audit
