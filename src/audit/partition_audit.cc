#include "audit/partition_audit.h"

#include <algorithm>
#include <vector>

namespace waybill::audit {

int64_t PartitionAudit::produced(std::span<const OffsetRange> ranges, const tally::BucketLabel& label,
                                 StepContext& step) {
  std::vector<OffsetRange> fresh, overlap;
  int64_t count = 0;
  int64_t distinct = 0;
  int64_t again = 0;
  for (const OffsetRange& range : ranges) {
    if (far_beyond(range.end)) {
      step.refused += range.size();
      continue;
    }
    count += range.size();
    step.unremembered += std::max<int64_t>(0, std::min(range.end, filled_to_) - range.begin);
    produced_.insert(range, &fresh, &overlap);
  }
  for (const OffsetRange& range : overlap) {
    OffsetRange told{std::max(range.begin, filled_to_), range.end};  // below, holes were filled
    if (told.empty()) continue;
    again += told.size();
    twice_.insert(told);
  }
  if (twice_.run_count() > kRunsMax) twice_.erase({twice_.begin(), twice_.runs()[kRunsMax / 2].begin});
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
  return again;
}

void PartitionAudit::baseline(GroupAudit& group, Offset at, StepContext& step) {
  group.baseline(std::max({at, filled_to_, owed_from_}), produced_, labels_, step);
}

int64_t PartitionAudit::bounds(Offset start, Offset end, StepContext& step) {
  log_start = start;
  log_end = end;
  const OffsetRange beyond{end + kFarBeyond, kUnknown};
  int64_t dropped = 0;
  for (const OffsetRange& claim : produced_.within(beyond)) dropped += claim.size();
  if (dropped > 0) produced_.erase(beyond);
  const bool settled = owed_from_ == kUnknown;
  if (settled) owed_from_ = end;
  for (auto& [name, group] : groups_) {
    step.group = name;
    if (dropped > 0) group.disown(beyond, step);
    if (settled && group.baseline() == kUnknown) baseline(group, end, step);
  }
  return dropped;
}

PartitionAudit PartitionAudit::anew(const PartitionAudit& old) {
  PartitionAudit fresh;
  fresh.owed_from_ = kUnknown;
  for (const auto& [name, group] : old.groups_) {
    GroupAudit& heir = fresh.group(name, group.judged());
    heir.part_of = group.part_of;
    heir.broadcast = group.broadcast;
    heir.heard_ms = group.heard_ms;
    for (const auto& [key, reader] : group.readers()) heir.mistrust(key, reader.session);
  }
  return fresh;
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
  out.i64(owed_from_.value);
  out.runs(twice_.runs());
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
  out.i64(first_time_ms);
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
  p.owed_from_ = Offset(in.i64());
  for (const OffsetRange& run : in.runs()) p.twice_.insert(run);
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    Offset begin(in.i64());
    Offset end = begin + static_cast<int64_t>(in.u64());
    p.labels_.load({{begin, end}, in.label()});
  }
  p.log_start = Offset(in.i64());
  p.log_end = Offset(in.i64());
  p.updated_ms = in.i64();
  p.first_time_ms = in.i64();
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    std::string name = in.text();
    p.groups_.emplace(std::move(name), GroupAudit::load(in));
  }
  return p;
}

}  // namespace waybill::audit
