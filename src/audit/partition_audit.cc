#include "audit/partition_audit.h"

#include <algorithm>
#include <vector>

namespace waybill::audit {

int64_t PartitionAudit::produced(std::span<const OffsetRange> ranges, const tally::BucketLabel& label,
                                 StepContext& step) {
  std::vector<OffsetRange> fresh;
  int64_t count = 0;
  int64_t distinct = 0;
  for (const OffsetRange& range : ranges) {
    count += range.size();
    produced_.insert(range, &fresh);
  }
  for (const OffsetRange& range : fresh) {
    distinct += range.size();
    labels_.assign(range, label);
    for (auto& [name, group] : groups_) {
      step.group = name;
      group.produced(range, label, step);
    }
  }
  Sums& sums = step.deltas->at("", label);
  sums.count += count;
  sums.distinct += distinct;
  return count - distinct;
}

void PartitionAudit::baseline(GroupAudit& group, Offset at, StepContext& step) {
  group.baseline(std::max(at, filled_to_), produced_, labels_, step);
}

void PartitionAudit::handed_out(GroupAudit& group, const HandOut& what,
                                const GroupAudit::Restarted& restarted, StepContext& step) {
  group.handed_out(what, produced_, restarted, step);
}

void PartitionAudit::compact() {
  size_t most = produced_.run_count();
  for (const auto& [name, group] : groups_) {
    size_t runs = group.consumed().run_count();
    most = std::max(most, runs - std::min(runs, group.missing().size()));
  }
  if (most > kRunsMax && !produced_.empty()) {
    Offset cut = produced_.begin() + (produced_.end() - produced_.begin()) / 2;
    if (cut > filled_to_) {
      produced_.insert({std::max(filled_to_, produced_.begin()), cut});
      filled_to_ = cut;
    }
  }
  for (auto& [name, group] : groups_) group.compact(filled_to_, kRunsMax);
}

GroupAudit& PartitionAudit::group(const std::string& name, bool judged) {
  return groups_.try_emplace(name, judged).first->second;
}

size_t PartitionAudit::range_count() const {
  size_t n = 0;
  for (const auto& [name, group] : groups_) n += group.range_count();
  return n;
}

void PartitionAudit::save(StateWriter& out) const {
  out.runs(produced_.runs());
  out.i64(filled_to_.value);
  auto runs = labels_.runs();
  out.u64(runs.size());
  for (const auto& [range, label] : runs) {
    out.i64(range.begin.value);
    out.u64(static_cast<uint64_t>(range.size()));
    out.label(label);
  }
  out.i64(log_start.value);
  out.i64(log_end.value);
  out.i64(updated_ms);
  out.u64(groups_.size());
  for (const auto& [name, group] : groups_) {
    out.text(name);
    group.save(out);
  }
}

PartitionAudit PartitionAudit::load(StateReader& in) {
  PartitionAudit p;
  for (const OffsetRange& run : in.runs()) p.produced_.insert(run);
  p.filled_to_ = Offset(in.i64());
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    Offset begin(in.i64());
    Offset end = begin + static_cast<int64_t>(in.u64());
    p.labels_.load({{begin, end}, in.label()});
  }
  p.log_start = Offset(in.i64());
  p.log_end = Offset(in.i64());
  p.updated_ms = in.i64();
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    std::string name = in.text();
    p.groups_.emplace(std::move(name), GroupAudit::load(in));
  }
  return p;
}

}  // namespace waybill::audit
