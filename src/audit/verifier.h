#pragma once
// Asks the broker what became of suspected ranges, and turns its answers into verdicts (DESIGN 4.2). Pure.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "audit/collector.h"
#include "audit/operation_log.h"
#include "audit/verdict.h"
#include "flow/task.h"

namespace waybill::audit {

/// Reads ranges that lie below their group's position (or outside the log) under both isolation levels and
/// logs what judge() says. Holds no stored state: what is suspected is in the AuditState, so after a restart
/// everything is asked again. Not thread-safe.
class Verifier {
 public:
  static constexpr uint64_t kIdBase = 1ull << 62;      ///< asks of the verifier have this bit in their ids
  static constexpr size_t kJobsMax = 64;               ///< readings open at once
  static constexpr size_t kJobsPerPlaceMax = 16;       ///< ... of one group in one partition
  static constexpr int64_t kSpanMax = 5'000;           ///< offsets of one reading
  static constexpr int64_t kNear = 500;                ///< ranges nearer than this are read at once
  static constexpr int64_t kForgetMs = 60'000;         ///< an ask without an answer for so long is given up
  static constexpr int64_t kAgainMs = 1'000;           ///< a group is looked at so often
  static constexpr int64_t kUndecidedMs = 3'000;       ///< ... after an answer that did not decide
  static constexpr int64_t kFailedMs = 5'000;          ///< ... after one that failed
  static constexpr int64_t kDeniedMs = 60'000;         ///< ... after one that was refused
  static constexpr int64_t kSettingsMs = 300'000;      ///< a topic's settings are asked for again after this
  static constexpr int64_t kStrangerMs = 12'000;       ///< a new member may take so long to report
  static constexpr int64_t kNeverCommittedMs = 6'000;  ///< a group that has not committed may do so within
  static constexpr int64_t kStarvedMs = 5'000;  ///< what waits for the budget for longer says beyond_budget

  explicit Verifier(const CollectorOptions& options) : options_(options) {}

  void advance(AuditState& state, OperationLog& log, int64_t steady_ms);
  /// Whether the answer was one of the verifier's.
  bool answer(const flow::Answer& answer, OperationLog& log, AuditState& state, int64_t steady_ms);
  void flush(std::vector<flow::Ask>& asks);

 private:
  using Place = AuditState::Place;
  enum class Want : uint8_t { kCommitted, kUncommitted, kMembers, kPosition, kSettings };
  /// What is remembered of a place while something is suspected there.
  struct Watch {
    int64_t since_ms = 0;
    int64_t next_ms = 0;
    Offset cursor{0};  ///< ranges below were asked about in this round
    size_t jobs = 0;
    int64_t stranger_since_ms = -1;  ///< since when an unaudited member is seen
    int64_t past_end_since_ms = -1;
    Offset past_end{-1};            ///< the log's end then
    std::set<Offset> exact = {};    ///< long ranges, by end, whose samples disagreed
    int64_t starved_since_ms = -1;  ///< since when the budget has allowed no reading here
  };
  struct Job {
    Place place;
    int64_t incarnation = 0;
    OffsetRange range;
    std::vector<OffsetRange> parts;  ///< what is read: the range, or samples of it
    std::vector<Evidence> evidence;
    size_t open = 0;  ///< asks without an answer
    bool stranger = false;
    bool asked_members = false;
    bool assigned = false;   ///< a member has the partition
    bool committed = false;  ///< the broker has a position of the group in the topic
    int64_t since_ms = 0;
    bool failed = false;  ///< an ask had no answer; `refused` tells whether a right is missing
    bool refused = false;
  };
  struct Open {
    uint64_t job = 0;
    Want want = Want::kCommitted;
    size_t part = 0;
  };
  struct Settings {
    CleanupPolicy policy = CleanupPolicy::kUnknown;
    int64_t again_ms = 0;
  };

  bool sampled(const Job& job) const { return job.parts.size() > 1; }
  void look(const Place& place, Watch& watch, AuditState& state, OperationLog& log, int64_t steady_ms);
  std::vector<OffsetRange> eligible(const PartitionAudit& audit, const GroupAudit& group, const Watch& watch,
                                    int64_t steady_ms) const;
  void start(const Place& place, Watch& watch, OffsetRange range, const AuditState& state, int64_t steady_ms);
  void ask(uint64_t job, Want want, size_t part, const AuditState& state);
  void take(Job& job, const Open& open, const flow::Answer& answer, const AuditState& state,
            int64_t steady_ms);
  bool strangers(const Place& place, const std::vector<flow::RangeReader::Member>& members,
                 const AuditState& state) const;
  void finish(Job job, AuditState& state, OperationLog& log, int64_t steady_ms);
  /// What a job's answers are judged with.
  struct Case {
    const PartitionAudit& audit;
    const GroupAudit& group;
    const std::string& topic;
    Reason beyond = Reason::kNone;           ///< what forbids a loss above everything that was handed out
    bool within_sessions = false;            ///< the group never committed
    bool reading = false;                    ///< one of its readers is open
    std::vector<OffsetRange> owed_not = {};  ///< found: between its sessions
  };
  std::vector<Verdict> verdicts(const Job& job, size_t part, Case& of, const Watch& watch,
                                int64_t steady_ms) const;
  void judge_piece(const Job& job, size_t part, Case& of, const Suspicion& suspicion,
                   std::vector<Verdict>& out) const;
  void judge_sample(const Job& job, Case& of, Watch& watch, OperationLog& log, int64_t steady_ms);
  void note_starved(const Place& place, Watch& watch, const std::vector<OffsetRange>& parts,
                    int64_t incarnation, const GroupAudit& group, OperationLog& log, int64_t steady_ms);
  Reason strangers_say(const Job& job, Watch& watch, const GroupAudit& group, int64_t steady_ms, bool& wait);
  void note_past_end(const Job& job, Watch& watch, int64_t steady_ms) const;
  void drop_stale(int64_t steady_ms);
  bool spend(int64_t steady_ms);

  CollectorOptions options_;
  std::map<Place, Watch> watches_;
  uint64_t next_id_ = kIdBase;
  std::map<uint64_t, Job> jobs_;
  std::map<uint64_t, Open> open_;
  std::map<std::string, Settings> settings_;  ///< by topic
  int64_t budget_bytes_ = 0;                  ///< may be read now; negative after a large reading
  int64_t budget_ms_ = INT64_MIN;
  std::vector<flow::Ask> ready_;
};

}  // namespace waybill::audit
