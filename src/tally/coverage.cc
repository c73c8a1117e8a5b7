#include "tally/coverage.h"

#include <algorithm>
#include <protozero/buffer_string.hpp>
#include <protozero/varint.hpp>

#include "base/assert.h"
#include "tally/wire.h"

namespace waybill::tally {
namespace {

OffsetRange range_of(int64_t begin, int64_t end) { return {Offset(begin), Offset(end)}; }

}  // namespace

Coverage::Runs::const_iterator Coverage::first_ending_above(int64_t offset) const {
  auto it = runs_.upper_bound(offset);
  if (it != runs_.begin() && std::prev(it)->second > offset) --it;
  return it;
}

void Coverage::insert_anywhere(OffsetRange range, std::vector<OffsetRange>* fresh,
                               std::vector<OffsetRange>* overlap) {
  int64_t begin = range.begin.value;
  int64_t end = range.end.value;
  int64_t reached = begin;  // what lies below is sorted into fresh and overlap
  // The first run that touches the range from the left or lies behind its begin.
  auto it = runs_.upper_bound(begin);
  if (it != runs_.begin() && std::prev(it)->second >= begin) --it;
  const auto first = it;
  int64_t joined = 0;  // offsets in the runs that become one
  for (; it != runs_.end() && it->first <= range.end.value; ++it) {
    if (it->first > reached) {
      if (fresh != nullptr) fresh->push_back(range_of(reached, it->first));
      reached = it->first;
    }
    const int64_t covered = std::min(it->second, range.end.value);
    if (covered > reached) {
      if (overlap != nullptr) overlap->push_back(range_of(reached, covered));
      reached = covered;
    }
    begin = std::min(begin, it->first);
    end = std::max(end, it->second);
    joined += it->second - it->first;
  }
  if (reached < range.end.value && fresh != nullptr) fresh->push_back(range_of(reached, range.end.value));
  size_ += end - begin - joined;
  if (first != it && first->first == begin) {
    first->second = end;  // re-use the node that already begins there
    runs_.erase(std::next(first), it);
  } else {
    runs_.emplace_hint(runs_.erase(first, it), begin, end);
  }
}

void Coverage::erase(OffsetRange range) {
  if (range.empty()) return;
  const int64_t begin = range.begin.value;
  const int64_t end = range.end.value;
  auto it = runs_.upper_bound(begin);
  if (it != runs_.begin() && std::prev(it)->second > begin) --it;
  while (it != runs_.end() && it->first < end) {
    const auto [run_begin, run_end] = *it;
    size_ -= std::min(run_end, end) - std::max(run_begin, begin);
    if (run_begin < begin) {
      it->second = begin;
      ++it;
    } else {
      it = runs_.erase(it);
    }
    if (run_end > end) it = runs_.emplace_hint(it, end, run_end);
  }
}

bool Coverage::contains(Offset offset) const {
  const auto it = first_ending_above(offset.value);
  return it != runs_.end() && it->first <= offset.value;
}

bool Coverage::contains_all(OffsetRange range) const {
  if (range.empty()) return true;
  const auto it = first_ending_above(range.begin.value);
  return it != runs_.end() && it->first <= range.begin.value && it->second >= range.end.value;
}

std::vector<OffsetRange> Coverage::within(OffsetRange range) const {
  std::vector<OffsetRange> out;
  if (range.empty()) return out;
  for (auto it = first_ending_above(range.begin.value); it != runs_.end() && it->first < range.end.value;
       ++it) {
    out.push_back(range_of(std::max(it->first, range.begin.value), std::min(it->second, range.end.value)));
  }
  return out;
}

std::vector<OffsetRange> Coverage::missing(OffsetRange range) const {
  std::vector<OffsetRange> out;
  if (range.empty()) return out;
  int64_t reached = range.begin.value;
  for (auto it = first_ending_above(reached); it != runs_.end() && it->first < range.end.value; ++it) {
    if (it->first > reached) out.push_back(range_of(reached, it->first));
    reached = it->second;
  }
  if (reached < range.end.value) out.push_back(range_of(reached, range.end.value));
  return out;
}

std::vector<OffsetRange> Coverage::runs() const {
  std::vector<OffsetRange> out;
  out.reserve(runs_.size());
  for (const auto& [begin, end] : runs_) out.push_back(range_of(begin, end));
  return out;
}

Offset Coverage::begin() const {
  ASSERT(!runs_.empty());
  return Offset(runs_.begin()->first);
}

Offset Coverage::end() const {
  ASSERT(!runs_.empty());
  return Offset(std::prev(runs_.end())->second);
}

void append_runs(std::span<const OffsetRange> runs, std::string& out) {
  int64_t previous_end = 0;
  for (const OffsetRange& run : runs) {
    ASSERT(run.begin.value >= previous_end && !run.empty());
    protozero::add_varint_to_buffer(&out, static_cast<uint64_t>(run.begin.value - previous_end));
    protozero::add_varint_to_buffer(&out, static_cast<uint64_t>(run.size()));
    previous_end = run.end.value;
  }
}

Result<std::vector<OffsetRange>> read_runs(std::string_view bytes) {
  return wire::guarded([&]() -> Result<std::vector<OffsetRange>> {
    std::vector<OffsetRange> runs;
    const char* at = bytes.data();
    const char* const stop = at + bytes.size();
    int64_t previous_end = 0;
    while (at != stop) {
      const uint64_t gap = protozero::decode_varint(&at, stop);
      const uint64_t length = protozero::decode_varint(&at, stop);
      runs.push_back(wire::next_range(previous_end, gap, length));
      previous_end = runs.back().end.value;
    }
    return runs;
  });
}

}  // namespace waybill::tally
