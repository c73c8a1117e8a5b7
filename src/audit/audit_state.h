#pragma once
// Everything the collector of one audit partition remembers, and the operations that change it. Pure and
// deterministic: the same operations give the same state and rows, which is how a restart restores it
// (docs/decisions/0005).

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "audit/collector.h"
#include "audit/decision_book.h"
#include "audit/incomplete_book.h"
#include "audit/open_buckets.h"
#include "audit/partition_audit.h"
#include "audit/reporter_book.h"
#include "audit/row_buffer.h"
#include "flow/rows.h"
#include "tally/decision.h"
#include "tally/report.h"

namespace waybill::audit {

/// Rows of readers without group.id carry this group; they are counted, never judged.
inline constexpr std::string_view kNoGroup = "(none)";

struct TopicState {
  std::string name;
  int64_t incarnation = 0;
  std::map<PartitionId, PartitionAudit> partitions;
  std::set<std::string> groups;
  int32_t partition_count = -1;                     ///< as the broker told it last
  std::map<std::string, int32_t> known_partitions;  ///< by group: how many there were when it came
  OpenBuckets minutes;                              ///< of width CollectorOptions::bucket_ms
  OpenBuckets hours;
};

/// Not thread-safe.
class AuditState {
 public:
  AuditState(const CollectorOptions& options, PartitionId audit_partition);

  // Operations. `time_ms` is the audit record's time, `clock_ms` audit time (record times, and going on while
  // all is quiet).
  void apply(const tally::Report& report, int64_t time_ms);
  /// Ages reporters and holes, settles buckets. Returns whether anything changed.
  bool tick(int64_t clock_ms);
  /// Pending gaps behind the barrier become suspected. Returns whether anything changed.
  bool judge();
  void set_bounds(TopicIndex topic, PartitionId partition, Offset start, Offset end, int64_t wall_ms);
  /// Pending messages of the range become suspected behind the barrier, in every group: the log does not hold
  /// them (any more).
  void suspect(TopicIndex topic, PartitionId partition, OffsetRange range);
  /// What the broker's answers say of ranges of one group. Returns whether anything changed; nothing does in
  /// another incarnation.
  using Place = std::tuple<TopicIndex, PartitionId, std::string>;  ///< the group's partition
  bool verdict(const Place& place, int64_t incarnation, std::span<const Verdict> verdicts, bool sampled);
  /// What an operator decided, as a record of the audit topic told. Returns whether anything changed: a
  /// decision that is refused or known already changes nothing and is counted.
  bool decide(const tally::Decision& decision, int64_t time_ms);
  void set_oldest_unread(TopicIndex topic, PartitionId partition, const std::string& group, int64_t time_ms);
  /// The topic has so many partitions. One that was added later is owed from its beginning by the groups that
  /// were known before. Returns whether anything changed.
  bool set_partition_count(TopicIndex topic, int32_t count);
  /// The group has left the topic for good: it owes nothing until it is back. Returns whether it owed
  /// anything.
  bool retire(TopicIndex topic, const std::string& group);
  /// Open messages of these ranges are owed by nobody. Returns whether there were any.
  bool disown(const Place& place, int64_t incarnation, std::span<const OffsetRange> ranges);
  /// The record at offset 0 has this time: starts a new incarnation when the log begins anew and it is newer
  /// than the one that we knew there.
  void first_record(TopicIndex topic, PartitionId partition, int64_t time_ms);
  /// `topic` empty = every topic.
  void note_incomplete(const std::string& topic, const Id128& reporter, std::string_view reason,
                       int64_t from_ms, int64_t to_ms, std::string detail);
  /// Writes the rows of all that changed. Ranges that are pending for less than kDeferMs wait.
  void flush(flow::Rows& rows);

  RowBuffer& rows() { return rows_; }
  const RowBuffer& rows() const { return rows_; }
  int64_t clock_ms() const {
    return clock_ms_;
  }  ///< newest record time, or later while ranges wait in quiet times
  const std::map<TopicIndex, TopicState>& topics() const { return topics_; }
  TopicState* topic(TopicIndex index);
  const ReporterBook& reporters() const { return book_; }
  int64_t range_count() const { return ranges_; }
  /// Where something may be suspected: an index for the verifier, which takes out what is settled.
  std::set<Place>& suspects() { return suspects_; }

  // For the checkpoint (collector_segments.h).
  struct Dirty {
    std::set<TopicIndex> topics;
    std::set<std::pair<TopicIndex, PartitionId>> partitions;
  };
  Dirty& dirty() { return dirty_; }
  std::string save_core() const;  ///< clock, reporters, intervals
  bool load_core(std::string_view bytes);
  std::string save_topic(TopicIndex index) const;
  bool load_topic(TopicIndex index, std::string_view bytes);
  std::string save_partition(TopicIndex topic, PartitionId partition) const;
  bool load_partition(TopicIndex topic, PartitionId partition, std::string_view bytes);
  /// After loading and replaying: forgets the rows, which are stored already.
  void restored();

  /// A pending range is written when it has lasted this long: most are gone with the next report.
  static constexpr int64_t kDeferMs = 3'000;

 private:
  struct Step;  // one report being applied
  void apply_entries(Step& step);
  void apply_entry(Step& step, const tally::Entry& entry, TopicIndex topic);
  void apply_coverage(Step& step);
  void apply_produced(Step& step, const tally::CoverageChunk& chunk, TopicIndex topic);
  void apply_session(Step& step, std::span<const tally::CoverageChunk* const> chunks, TopicIndex topic);
  void apply_positions(Step& step);
  void apply_rates(Step& step);
  /// Why a decision cannot be applied; empty when it can.
  std::string refusal(const tally::Decision& decision) const;
  int64_t close(TopicIndex topic, const std::string& group, PartitionId partition,
                std::span<const tally::Moved> ranges, State state, const Closing& closing);
  void end_replay(TopicIndex topic, const tally::Decision& end);
  /// Messages put back into the topic become replayed where the group has consumed them.
  void settle_replays(TopicIndex topic, PartitionId partition, const std::string& group);
  void decision_row(const DecisionBook::Replay& replay, std::string_view state, int64_t messages,
                    std::string_view detail = {});
  std::optional<TopicIndex> topic_of(Step& step, const std::string& name);
  std::optional<std::string> group_of(Step& step, TopicIndex topic, const tally::Tier& tier);
  tally::BucketLabel fold(const Step& step, const tally::BucketLabel& label) const;
  void post(const std::vector<IncompleteChange>& changes);
  void touch_bucket(TopicIndex topic, const tally::BucketLabel& label, const std::string& group,
                    int64_t sequence);
  /// Books what a step did to one partition; `sequence` < 0 does not reopen buckets.
  void book(TopicIndex topic, PartitionId partition, const CoverageDeltas& deltas, int64_t sequence);
  void note_partition(TopicIndex topic, PartitionId partition, PartitionAudit& audit, size_t ranges_before);
  /// Runs `change` for one group of the partition and books what it did; books nothing when it says false.
  bool step_group(const Place& place, PartitionAudit& audit, const std::function<bool(StepContext&)>& change);
  /// The same for a group that may be gone, or belong to another incarnation: false then.
  bool with_group(const Place& place, int64_t incarnation,
                  const std::function<bool(GroupAudit&, StepContext&)>& change);
  bool settle(TopicIndex index, TopicState& topic, const ReporterBook::Floor& floor, int64_t clock_ms);
  void flush_findings(TopicIndex index, TopicState& topic, PartitionId partition);
  bool excluded(const std::string& group) const;
  bool add_group(Step& step, TopicIndex topic, const std::string& name);
  /// Where what a reader of the group tells is judged: with the group, or on its own when it is broadcast.
  std::pair<std::string, GroupAudit*> side_of(Step& step, TopicIndex topic, PartitionAudit& audit,
                                              const std::string& group, const ReaderKey& key,
                                              uint32_t session);
  void note_advance(GroupAudit& group, const std::string& name, const ReaderKey& key, TopicIndex topic,
                    StepContext& context);
  void note_limits(const Step& step, const std::string& topic, const StepContext& context);
  bool owe_added(TopicIndex topic, PartitionId partition, PartitionAudit& audit);
  void new_incarnation(TopicIndex topic, TopicState& state);
  enum class Silence : uint8_t { kBegins, kEnds, kHole, kHoleFilled };
  /// What a reporter's silence or return means for what its groups are proven to have passed.
  void taint(const Id128& reporter, Silence what);
  StepContext context(CoverageDeltas& deltas, int64_t sequence) const;

  CollectorOptions options_;
  PartitionId audit_partition_;
  int64_t clock_ms_ = 0;
  int64_t sequence_ =
      0;  ///< records applied: the barrier's order, which survives an audit topic that begins anew
  ReporterBook book_;
  IncompleteBook intervals_;
  DecisionBook decisions_;
  std::map<TopicIndex, TopicState> topics_;
  std::map<std::string, TopicIndex> index_;
  TopicIndex next_topic_ = 0;
  std::set<std::tuple<TopicIndex, PartitionId, std::string>>
      waiting_;  ///< groups with gaps before the barrier
  std::set<Place> suspects_;
  std::set<std::pair<TopicIndex, PartitionId>> touched_;  ///< whose findings may differ from the rows
  int64_t ranges_ = 0;
  RowBuffer rows_;
  Dirty dirty_;
};

}  // namespace waybill::audit
