#include "tally/latency_sketch.h"

#include <cmath>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "tally/wire.h"

namespace waybill::tally {
namespace {

// Fields of the Latency message in report.proto.
enum LatencyField : protozero::pbf_tag_type { kCount = 1, kNegative = 2, kSum = 3, kMin = 4, kMax = 5, kCells = 6 };

constexpr uint32_t kCellsMax = 1153;  // the cell of kMaxMs is the last one

struct RawLatency {
  uint64_t count = 0;
  uint64_t negative = 0;
  uint64_t sum = 0;
  uint64_t min = 0;
  uint64_t max = 0;
  std::vector<uint64_t> pairs;
};

RawLatency read_raw(std::string_view bytes) {
  RawLatency raw;
  protozero::pbf_reader in(bytes.data(), bytes.size());
  while (in.next()) {
    switch (in.tag()) {
      case kCount:
        wire::take(in, raw.count);
        break;
      case kNegative:
        wire::take(in, raw.negative);
        break;
      case kSum:
        wire::take(in, raw.sum);
        break;
      case kMin:
        wire::take(in, raw.min);
        break;
      case kMax:
        wire::take(in, raw.max);
        break;
      case kCells:
        wire::take_repeated(in, size_t{2} * kCellsMax, raw.pairs);
        break;
      default:
        in.skip();
    }
  }
  return raw;
}

/// Pairs (index minus (previous index + 1), count) -> cells. Throws wire::Contradiction.
std::vector<LatencySketch::Cell> cells_of(const std::vector<uint64_t>& pairs) {
  if (pairs.size() % 2 != 0) throw wire::Contradiction("latency: a cell without a count");
  std::vector<LatencySketch::Cell> cells;
  cells.reserve(pairs.size() / 2);
  uint64_t next = 0;
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (pairs[i] >= kCellsMax - next) throw wire::Contradiction("latency: a cell above 2^40 ms");
    if (pairs[i + 1] == 0) throw wire::Contradiction("latency: an empty cell");
    cells.push_back({static_cast<uint32_t>(next + pairs[i]), pairs[i + 1]});
    next += pairs[i] + 1;
  }
  return cells;
}

bool holds(const LatencySketch::Cell& cell, uint64_t ms) {
  const auto low = static_cast<uint64_t>(cell.low_ms());
  return ms >= low && ms - low < static_cast<uint64_t>(cell.width_ms()) &&
         ms <= static_cast<uint64_t>(LatencySketch::kMaxMs);
}

/// Throws wire::Contradiction unless the exact figures fit the cells.
void check(const RawLatency& raw, const std::vector<LatencySketch::Cell>& cells) {
  uint64_t total = 0;
  for (const auto& cell : cells) total = saturating_add(total, cell.count);
  if (total != raw.count) throw wire::Contradiction("latency: the cells do not add up to the count");
  constexpr auto kSumMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (raw.sum > kSumMax) throw wire::Contradiction("latency: sum above 2^63 - 1");
  if (cells.empty()) {
    if (raw.sum != 0 || raw.min != 0 || raw.max != 0)
      throw wire::Contradiction("latency: figures without values");
    return;
  }
  if (raw.min > raw.max || !holds(cells.front(), raw.min) || !holds(cells.back(), raw.max)) {
    throw wire::Contradiction("latency: min or max outside its cell");
  }
  __extension__ using Wide = unsigned __int128;
  const bool too_small = raw.sum != kSumMax && Wide{raw.sum} < Wide{raw.min} * raw.count;
  if (too_small || Wide{raw.sum} > Wide{raw.max} * raw.count) {
    throw wire::Contradiction("latency: sum outside [count * min, count * max]");
  }
}

}  // namespace

template <class Fn>
void LatencySketch::for_each_cell(Fn fn) const {
  for (const Cell& cell : sparse_) fn(cell);
  for (size_t i = 0; i < dense_.size(); ++i) {
    if (dense_[i] != 0) fn(Cell{static_cast<uint32_t>(i), dense_[i]});
  }
}

void LatencySketch::grow(uint32_t index) {
  const uint32_t last = sparse_.empty() ? index : std::max(index, sparse_.back().index);
  dense_.resize(last + size_t{1});
  for (const Cell& cell : sparse_) dense_[cell.index] = cell.count;
  sparse_ = {};
}

void LatencySketch::merge(const LatencySketch& other) {
  if (&other == this) return merge(LatencySketch(other));
  if (sparse_.empty() && dense_.empty() && !other.sparse_.empty()) {
    sparse_ = other.sparse_;
  } else {
    other.for_each_cell([this](const Cell& cell) { add_to_cell(cell.index, cell.count); });
  }
  count_ = saturating_add(count_, other.count_);
  negative_ = saturating_add(negative_, other.negative_);
  sum_ = saturating_add(sum_, other.sum_, 1);
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

int64_t LatencySketch::quantile(double q) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(q * static_cast<double>(count_));
  if (!(wanted > 1.0)) return min_;
  if (wanted >= static_cast<double>(count_)) return max_;
  const auto rank = static_cast<uint64_t>(wanted);
  uint64_t passed = 0;
  int64_t found = max_;
  for_each_cell([&](const Cell& cell) {
    if (passed < rank && saturating_add(passed, cell.count) >= rank)
      found = cell.low_ms() + cell.width_ms() / 2;
    passed = saturating_add(passed, cell.count);
  });
  return std::clamp(found, min_, max_);
}

void LatencySketch::clear() {
  std::vector<uint64_t> memory = std::move(dense_);
  memory.clear();
  *this = {};
  dense_ = std::move(memory);
}

std::vector<LatencySketch::Cell> LatencySketch::cells() const {
  std::vector<Cell> out;
  for_each_cell([&out](const Cell& cell) { out.push_back(cell); });
  return out;
}

bool LatencySketch::operator==(const LatencySketch& other) const {
  return count_ == other.count_ && negative_ == other.negative_ && sum_ == other.sum_ && min_ == other.min_ &&
         max_ == other.max_ && cells() == other.cells();
}

std::string LatencySketch::encode() const {
  std::string out;
  protozero::pbf_writer writer(out);
  if (count_ != 0) writer.add_uint64(kCount, count_);
  if (negative_ != 0) writer.add_uint64(kNegative, negative_);
  if (sum_ != 0) writer.add_uint64(kSum, static_cast<uint64_t>(sum_));
  if (min() != 0) writer.add_uint64(kMin, static_cast<uint64_t>(min_));
  if (max_ != 0) writer.add_uint64(kMax, static_cast<uint64_t>(max_));
  if (count_ != 0) {
    protozero::packed_field_uint64 packed(writer, kCells);
    uint32_t next = 0;
    for_each_cell([&](const Cell& cell) {
      packed.add_element(cell.index - next);
      packed.add_element(cell.count);
      next = cell.index + 1;
    });
  }
  return out;
}

Result<LatencySketch> LatencySketch::decode(std::string_view bytes) {
  return wire::guarded([&]() -> Result<LatencySketch> {
    const RawLatency raw = read_raw(bytes);
    LatencySketch sketch;
    sketch.sparse_ = cells_of(raw.pairs);
    check(raw, sketch.sparse_);
    sketch.count_ = raw.count;
    sketch.negative_ = raw.negative;
    sketch.sum_ = static_cast<int64_t>(raw.sum);
    if (raw.count != 0) sketch.min_ = static_cast<int64_t>(raw.min);
    sketch.max_ = static_cast<int64_t>(raw.max);
    return sketch;
  });
}

}  // namespace waybill::tally
