#include "client/repeats.h"

namespace waybill::client {

void Repeats::step(int64_t at, int64_t by) {
  auto it = steps_.try_emplace(at, 0).first;
  it->second += by;
  if (it->second == 0) steps_.erase(it);
}

void Repeats::add(OffsetRange range, uint64_t times) {
  if (range.empty() || times == 0) return;
  step(range.begin.value, static_cast<int64_t>(times));
  step(range.end.value, -static_cast<int64_t>(times));
}

std::vector<tally::Repeat> Repeats::list() const {
  std::vector<tally::Repeat> out;
  int64_t depth = 0;
  int64_t from = 0;
  for (const auto& [at, by] : steps_) {
    if (depth > 0) out.push_back({{Offset(from), Offset(at)}, static_cast<uint64_t>(depth)});
    depth += by;
    from = at;
  }
  return out;
}

}  // namespace waybill::client
