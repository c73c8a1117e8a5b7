#pragma once
// One partition of one incarnation of a topic: what was acknowledged, and each group's view of it. Pure.

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "audit/group_audit.h"
#include "audit/label_map.h"
#include "base/types.h"
#include "tally/coverage.h"

namespace waybill::audit {

class PartitionAudit {
 public:
  /// Runs kept per coverage before what is not owed is filled in (compact()).
  static constexpr size_t kRunsMax = 4096;
  /// Nobody can have seen offsets that lie so far beyond the end of the log as the broker told it last.
  static constexpr int64_t kFarBeyond = 1LL << 28;

  /// Offsets acknowledged to a producer, all of one bucket. `step.group` is set for each group in turn.
  /// Returns how many of them another report had claimed already.
  int64_t produced(std::span<const OffsetRange> ranges, const tally::BucketLabel& label, StepContext& step);
  /// Tells a group's first known position (see GroupAudit::baseline).
  void baseline(GroupAudit& group, Offset at, StepContext& step);
  void handed_out(GroupAudit& group, const HandOut& what, const GroupAudit::Restarted& restarted,
                  StepContext& step);
  /// Whether offsets below `end` are far beyond the log's end.
  bool far_beyond(Offset end) const { return log_end.value >= 0 && end > log_end + kFarBeyond; }
  /// The log's bounds as the broker tells them; claims that turn out to be far beyond are dropped. Returns
  /// how many offsets that were.
  int64_t bounds(Offset start, Offset end, StepContext& step);
  /// This partition begins anew: what was seen before the next bounds() is owed by nobody, and what the
  /// readers of `old` say of sessions that they are in is not believed.
  static PartitionAudit anew(const PartitionAudit& old);
  /// Offsets that two reports claimed to be acknowledged.
  const tally::Coverage& twice() const { return twice_; }
  /// Bounds memory: call after a step.
  void compact();

  /// The group, made when it is new.
  GroupAudit& group(const std::string& name, bool judged);
  std::map<std::string, GroupAudit>& groups() { return groups_; }
  const std::map<std::string, GroupAudit>& groups() const { return groups_; }
  const tally::Coverage& produced() const { return produced_; }
  const LabelMap& labels() const { return labels_; }
  size_t range_count() const;

  Offset log_start{-1};  ///< from the broker; -1 = unknown
  Offset log_end{-1};
  int64_t updated_ms = 0;
  int64_t first_time_ms = -1;  ///< of the record at offset 0; -1 = unknown

  void save(StateWriter& out) const;
  static PartitionAudit load(StateReader& in);

 private:
  static constexpr Offset kUnknown{INT64_MAX};

  tally::Coverage produced_;
  Offset filled_to_{
      0};  ///< below, `produced_` has no holes any more; a group that comes later owes from here only
  Offset owed_from_{0};  ///< lower offsets may belong to an earlier topic of this name; kUnknown until asked
  tally::Coverage twice_;
  LabelMap labels_;
  std::map<std::string, GroupAudit> groups_;
};

}  // namespace waybill::audit
