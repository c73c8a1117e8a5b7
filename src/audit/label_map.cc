#include "audit/label_map.h"

#include <algorithm>
#include <iterator>

namespace waybill::audit {

void LabelMap::assign(OffsetRange range, const tally::BucketLabel& label) {
  auto it = runs_.upper_bound(range.begin.value);
  if (it != runs_.begin()) {
    auto before = std::prev(it);
    Run& run = before->second;
    if (run.label == label) {
      if (run.end >= range.end) return;
      range.begin = Offset(before->first);  // nothing lies between: the run may span the gap
    } else if (run.end > range.begin) {
      Run right = run;
      run.end = range.begin;
      if (right.end > range.end) runs_.emplace(range.end.value, right);
      if (before->first == range.begin.value) runs_.erase(before);
    }
  }
  it = runs_.lower_bound(range.begin.value);
  while (it != runs_.end() && it->first < range.end.value) {
    if (it->second.end > range.end) {
      runs_.emplace(range.end.value, it->second);
    }
    it = runs_.erase(it);
  }
  if (it != runs_.end() && it->second.label == label) {
    range.end = it->second.end;
    runs_.erase(it);
  }
  runs_.insert_or_assign(range.begin.value, Run{range.end, label});
  while (runs_.size() > kRunsMax) runs_.erase(runs_.begin());
}

std::vector<LabelMap::Piece> LabelMap::pieces(OffsetRange range) const {
  std::vector<Piece> out;
  constexpr tally::BucketLabel kUnknown{tally::BucketKind::kFar, BucketStart(0)};
  Offset at = range.begin;
  auto it = runs_.upper_bound(range.begin.value);
  if (it != runs_.begin() && std::prev(it)->second.end > range.begin) --it;
  for (; it != runs_.end() && it->first < range.end.value; ++it) {
    Offset begin = std::max(Offset(it->first), range.begin);
    Offset end = std::min(it->second.end, range.end);
    if (at < begin) out.push_back({{at, begin}, kUnknown});
    out.push_back({{begin, end}, it->second.label});
    at = end;
  }
  if (at < range.end) out.push_back({{at, range.end}, kUnknown});
  return out;
}

std::vector<LabelMap::Piece> LabelMap::runs() const {
  std::vector<Piece> out;
  for (const auto& [begin, run] : runs_) out.push_back({{Offset(begin), run.end}, run.label});
  return out;
}

}  // namespace waybill::audit
