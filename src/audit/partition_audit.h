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

  /// Offsets acknowledged to a producer, all of one bucket. `step.group` is set for each group in turn.
  /// Returns how many of them another report had claimed already.
  int64_t produced(std::span<const OffsetRange> ranges, const tally::BucketLabel& label, StepContext& step);
  /// Tells a group's first known position (see GroupAudit::baseline).
  void baseline(GroupAudit& group, Offset at, StepContext& step);
  void handed_out(GroupAudit& group, const HandOut& what, const GroupAudit::Restarted& restarted,
                  StepContext& step);
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

  void save(StateWriter& out) const;
  static PartitionAudit load(StateReader& in);

 private:
  tally::Coverage produced_;
  Offset filled_to_{
      0};  ///< below, `produced_` has no holes any more; a group that comes later owes from here only
  LabelMap labels_;
  std::map<std::string, GroupAudit> groups_;
};

}  // namespace waybill::audit
