#pragma once
// What one consumer group has seen of one topic partition, and what it still owes (DESIGN 4.1, 4.2). Pure.

#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "audit/finding_map.h"
#include "audit/label_map.h"
#include "audit/read_proof.h"
#include "audit/state_codec.h"
#include "audit/sums.h"
#include "base/types.h"
#include "tally/coverage.h"
#include "tally/report.h"

namespace waybill::audit {

/// Why an offset was handed out again. When an offset has several, the highest is shown.
enum class RedeliveryReason : uint8_t { kHandover = 0, kRestart = 1, kRewind = 2 };
std::string_view to_string(RedeliveryReason reason);

/// How an operator closed a lost message.
struct Closing {
  Id128 decision;                ///< all zeros: nobody did
  PartitionId to_partition{-1};  ///< replayed: where it is now
  int64_t moved_by = 0;          ///< its new offset minus this one
  bool operator==(const Closing&) const = default;
};

/// A message that was produced and not handed out. Pending until it is below what was handed out and behind
/// the barrier, then suspected until the broker was asked. A late one was lost and then handed out.
struct Missing {
  State state = State::kPending;
  Reason reason = Reason::kNone;
  bool sampled = false;  ///< the verdict of a long range, read at both ends and by sample
  tally::BucketLabel label;
  int64_t lost_ms = 0;   ///< audit time at which it was found lost; 0 = it was not
  Closing closing = {};  ///< of kAccepted and kReplayed
  /// Whether the broker is to be asked about it.
  bool open() const { return state == State::kSuspected || reason == Reason::kOpenTransaction; }
  bool operator==(const Missing&) const = default;
};

struct Redelivered {
  uint64_t times = 1;  ///< extra hand-outs of each offset in the range
  RedeliveryReason reason = RedeliveryReason::kHandover;
  tally::BucketLabel label;
  bool operator==(const Redelivered&) const = default;
};

/// Where one reader stands. Offsets are -1 while unknown.
struct Reader {
  uint32_t session = 0;
  int64_t began = -1;   ///< sequence of the record that told of this session first
  Offset first{-1};     ///< first offset of this session
  Offset high{-1};      ///< one past the highest offset of this session
  Offset low_ever{-1};  ///< hull of all it was ever handed, over its sessions
  Offset high_ever{-1};
  Offset next{-1};
  Offset committed{-1};
  int64_t advancing_since_ms = 0;  ///< audit time: it has been handed something every kPauseMs since
  int64_t advanced_ms = 0;
  bool operator==(const Reader&) const = default;
};

/// What a step may look at and what it fills. Lives for one call.
struct StepContext {
  std::string_view group;  ///< as written in rows
  int64_t sequence = 0;    ///< of the record that carries the report
  int64_t clock_ms = 0;    ///< audit time, for deferring rows
  size_t ranges_left = 0;  ///< how many ranges may still be opened; beyond, they are counted in `overflow`
  bool report_missing = false;  ///< numbers right before this report never came
  int64_t overflow = 0;         ///< messages whose range was not kept
  int64_t unremembered = 0;     ///< acknowledged below what coverage still tells apart
  int64_t refused = 0;          ///< offsets far beyond the end of the log
  CoverageDeltas* deltas = nullptr;
};

/// What one reader's session was handed in one report, of one bucket.
struct HandOut {
  ReaderKey reader;
  uint32_t session = 0;
  std::span<const OffsetRange> seen;
  std::span<const tally::Repeat> again;
  std::span<const OffsetRange> reordered;
  tally::BucketLabel label;
};

class GroupAudit {
 public:
  /// Tells for two readers whether the second is the first after a restart (same identity, one of the two
  /// gone).
  using Restarted = std::function<bool(const ReaderKey& earlier, const ReaderKey& later)>;

  explicit GroupAudit(bool judged = true) : judged_(judged) {}

  /// The group is known to have stood at `at`: from there on it owes what is produced. A lower one extends
  /// what it owes.
  void baseline(Offset at, const tally::Coverage& produced, const LabelMap& labels, StepContext& step);
  /// `fresh` was acknowledged for the first time.
  void produced(OffsetRange fresh, const tally::BucketLabel& label, StepContext& step);
  void handed_out(const HandOut& what, const tally::Coverage& produced, const Restarted& restarted,
                  StepContext& step);
  /// Ends a run of handed_out() for one reader and session: moves its session's bounds and the group's high.
  void session_end(const ReaderKey& key, uint32_t session, OffsetRange hull, Offset session_first,
                   StepContext& step);
  void position(const ReaderKey& key, const tally::Position& at, StepContext& step);

  /// Gaps recorded before `barrier` (a sequence number of the audit partition) become suspected. Returns
  /// whether anything changed.
  bool judge(int64_t barrier, StepContext& step);
  /// Pending messages of the range become suspected behind the barrier, whatever was handed out.
  void suspect(OffsetRange range, int64_t sequence);
  /// What the broker's answer says of a range; only messages that are open() change. Returns whether any did.
  bool verdict(const Verdict& verdict, bool sampled, StepContext& step);
  /// Pending and suspected messages of the range are owed no more. Returns whether there were any.
  bool disown(OffsetRange range, StepContext& step);
  /// What was handed out again of the range was no redelivery: another topic of this name has begun.
  void forget_redelivered(OffsetRange range, StepContext& step);
  /// The group owes nothing more, until it is known to stand somewhere again.
  void retire(StepContext& step);
  /// The reader was handed something at audit time `step.clock_ms`. Returns whether another reporter has been
  /// advancing beside it, without a rebalance of either, for over kTogetherMs.
  bool advanced(const ReaderKey& key, const StepContext& step);
  /// Positions of this session of the reader are those of a topic that is gone.
  void mistrust(const ReaderKey& key, uint32_t session) { mistrusted_[key] = session; }
  bool mistrusts(const ReaderKey& key, uint32_t session) const;
  /// What is lost in the range, or was replayed before, becomes kAccepted or kReplayed; reason and time of
  /// the loss stay. Returns the messages closed. `moved_to`, of a replay, is where range.begin is now.
  int64_t close(OffsetRange range, State state, Closing closing, Offset moved_to, StepContext& step);
  /// Messages of the range in that state; O(ranges inside).
  int64_t count(OffsetRange range, State state) const;
  /// Whether anything of the range is open(); O(ranges inside).
  bool open(OffsetRange range) const;
  /// The reporter went silent: what it may have seen since is tainted, until it is back.
  void reader_vanished(const Id128& reporter, int64_t previous_sequence);
  void reader_returned(const Id128& reporter) { proof_.remove(reporter, Reason::kReporterVanished); }
  /// A report of this reporter is missing before the one at hand: taints what it may have told.
  void report_missing(const Id128& reporter);
  void report_arrived(const Id128& reporter) { proof_.remove(reporter, Reason::kReportMissing); }
  /// A skip is judged below this only: what is committed if the group ever commits, else what was handed out.
  Offset position() const { return committed_.value >= 0 ? committed_ : high_; }
  const ReadProof& proof() const { return proof_; }

  bool waiting() const { return !waiting_.empty(); }
  int64_t waiting_since() const { return waiting_.front().sequence; }

  /// Keeps memory to gaps: below `cut` and what was handed out, offsets that are not owed count as seen. Only
  /// when there are more than `runs_max` runs.
  void compact(Offset cut, size_t runs_max);
  void forget_readers(const std::function<bool(const ReaderKey&)>& gone, size_t keep);

  const tally::Coverage& consumed() const { return consumed_; }
  FindingMap<Missing>& missing() { return missing_; }
  const FindingMap<Missing>& missing() const { return missing_; }
  FindingMap<Redelivered>& redelivered() { return redelivered_; }
  const FindingMap<Redelivered>& redelivered() const { return redelivered_; }
  size_t range_count() const { return missing_.size() + redelivered_.size(); }
  bool judged() const { return judged_; }
  bool ever_read() const { return high_.value >= 0; }
  const std::map<ReaderKey, Reader>& readers() const { return readers_; }
  Offset baseline() const { return baseline_; }
  Offset next() const { return next_; }
  Offset high() const { return high_; }
  Offset committed() const { return committed_; }
  int64_t oldest_unread_ms = 0;  ///< time of the first unread record; 0 = none or unknown
  int64_t updated_ms = 0;
  int64_t heard_ms = 0;    ///< audit time at which a reader last told of this partition
  bool broadcast = false;  ///< each reader has an audit of its own from here on
  std::string part_of;     ///< such an audit: the group's own name

  static constexpr int64_t kTogetherMs = 30'000;
  static constexpr int64_t kPauseMs = 5'000;

  void save(StateWriter& out) const;
  static GroupAudit load(StateReader& in);

 private:
  struct Waiting {
    int64_t sequence;
    OffsetRange range;
  };
  void owe(OffsetRange range, const tally::BucketLabel& label, StepContext& step);
  void settle_seen(OffsetRange fresh, StepContext& step);
  void redeliver(OffsetRange range, uint64_t times, RedeliveryReason reason, const tally::BucketLabel& label,
                 StepContext& step);
  int64_t note_reordered(const HandOut& what, std::span<const OffsetRange> fresh);
  void raise_high(Offset to, StepContext& step);
  void wait(OffsetRange range, int64_t sequence);
  void begin_session(Reader& reader, uint32_t session, StepContext& step);

  bool judged_ = true;
  tally::Coverage consumed_;
  tally::Coverage reordered_;  ///< part of consumed_ that was never handed out in ascending order
  Offset baseline_{-1};
  Offset high_{-1};
  Offset next_{-1};
  Offset committed_{-1};
  FindingMap<Missing> missing_;
  FindingMap<Redelivered> redelivered_;
  std::deque<Waiting> waiting_;  ///< ascending by sequence
  std::map<ReaderKey, Reader> readers_;
  ReadProof proof_;
  std::map<ReaderKey, uint32_t> mistrusted_;
};

}  // namespace waybill::audit
