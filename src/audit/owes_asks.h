#pragma once
// Asks the broker who still reads what, so that it is known what a group owes (DESIGN 4.1). Pure.

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "audit/collector.h"
#include "audit/operation_log.h"
#include "flow/task.h"

namespace waybill::audit {

/// Every kEveryMs asks for the partition count of each topic that a group reads, and retires groups that
/// left: no open reporter of the group for owes_ms, or one that was silent about the topic for so long while
/// no member has it assigned. A reader that is judged on its own (broadcast) owes as long as its reporter is
/// open. Holds no stored state: after a restart everything is asked again. Not thread-safe.
class OwesAsks {
 public:
  static constexpr uint64_t kIdBase = 1ull << 61;  ///< asks of this kind are in [kIdBase, 2 kIdBase)
  static constexpr int64_t kEveryMs = 20'000;
  static constexpr size_t kOpenMax = 32;
  static constexpr int64_t kForgetMs = 60'000;    ///< an ask without an answer for so long is given up
  static constexpr int64_t kMembersMs = 600'000;  ///< a silent group's members are asked for so often
  static constexpr int64_t kSettingsFailedMs =
      300'000;  ///< a topic that has no answer is asked about so often

  explicit OwesAsks(const CollectorOptions& options) : cluster_(options.cluster), owes_ms_(options.owes_ms) {}

  /// `clock_ms` is audit time.
  void advance(const AuditState& state, OperationLog& log, int64_t clock_ms, int64_t steady_ms);
  /// Whether the answer was to one of these asks.
  bool answer(const flow::Answer& answer, OperationLog& log, int64_t steady_ms);
  void flush(std::vector<flow::Ask>& asks);

 private:
  struct Open {
    TopicIndex topic = 0;
    std::string name;   ///< of the topic
    std::string group;  ///< empty: the topic's partitions
    int64_t since_ms = 0;
  };
  void look(TopicIndex index, const TopicState& topic, const AuditState& state, OperationLog& log,
            int64_t clock_ms, int64_t steady_ms);
  void ask(Open open);

  std::string cluster_;
  int64_t owes_ms_;
  int64_t last_round_ms_ = INT64_MIN;
  std::deque<TopicIndex> round_;
  uint64_t next_id_ = kIdBase;
  std::map<uint64_t, Open> open_;
  std::map<std::pair<TopicIndex, std::string>, int64_t> later_;  ///< not asked again before
  std::vector<flow::Ask> ready_;
};

}  // namespace waybill::audit
