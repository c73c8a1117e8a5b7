// LatencySketch against the plain model: the sorted list of all values.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tally/latency_sketch.h"

namespace waybill::tally {
namespace {

/// Values of every magnitude: uniform in the exponent, and some negative ones.
std::vector<int64_t> any_values() {
  return *rc::gen::container<std::vector<int64_t>>(
      rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 42), rc::gen::arbitrary<uint64_t>()),
                   [](const std::pair<int, uint64_t>& p) {
                     if (p.first == 41) return -1 - static_cast<int64_t>(p.second % 100'000);
                     return static_cast<int64_t>(p.second & ((uint64_t{1} << p.first) - 1));
                   }));
}

LatencySketch sketch_of(const std::vector<int64_t>& values) {
  LatencySketch sketch;
  for (const int64_t value : values) sketch.add(value);
  return sketch;
}

RC_GTEST_PROP(LatencySketchProperty, AgreesWithTheSortedList, ()) {
  const auto values = any_values();
  const LatencySketch sketch = sketch_of(values);
  std::vector<int64_t> sorted;
  std::copy_if(values.begin(), values.end(), std::back_inserter(sorted), [](int64_t v) { return v >= 0; });
  std::sort(sorted.begin(), sorted.end());
  RC_ASSERT(sketch.count() == sorted.size());
  RC_ASSERT(sketch.negative() == values.size() - sorted.size());
  RC_ASSERT(sketch.sum() == std::accumulate(sorted.begin(), sorted.end(), int64_t{0}));
  RC_ASSERT(sketch.empty() == values.empty());
  if (sorted.empty()) {
    RC_ASSERT(sketch.quantile(0.5) == 0);
    return;
  }
  RC_ASSERT(sketch.min() == sorted.front());
  RC_ASSERT(sketch.max() == sorted.back());
  for (const double q : {0.0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0}) {
    const auto rank =
        std::max<size_t>(1, static_cast<size_t>(std::ceil(q * static_cast<double>(sorted.size()))));
    const auto want = static_cast<double>(sorted[rank - 1]);
    const auto got = static_cast<double>(sketch.quantile(q));
    RC_ASSERT(std::abs(got - want) <= 0.016 * want);
  }
  uint64_t in_cells = 0;
  for (const auto& cell : sketch.cells()) {
    const auto first = std::lower_bound(sorted.begin(), sorted.end(), cell.low_ms());
    const auto last = std::lower_bound(sorted.begin(), sorted.end(), cell.low_ms() + cell.width_ms());
    RC_ASSERT(cell.count == static_cast<uint64_t>(last - first));
    in_cells += cell.count;
  }
  RC_ASSERT(in_cells == sorted.size());
}

RC_GTEST_PROP(LatencySketchProperty, MergingEqualsAddingAll, ()) {
  const auto a = any_values();
  const auto b = any_values();
  auto all = a;
  all.insert(all.end(), b.begin(), b.end());
  LatencySketch added = sketch_of(a);
  added.merge(sketch_of(b));
  LatencySketch decoded = *LatencySketch::decode(sketch_of(b).encode());
  decoded.merge(*LatencySketch::decode(sketch_of(a).encode()));
  RC_ASSERT(added == sketch_of(all));
  RC_ASSERT(decoded == sketch_of(all));
}

RC_GTEST_PROP(LatencySketchProperty, ComesBackFromItsBytes, ()) {
  const LatencySketch sketch = sketch_of(any_values());
  const auto back = LatencySketch::decode(sketch.encode());
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == sketch);
  RC_ASSERT(back->encode() == sketch.encode());
  for (const double q : {0.5, 0.99}) RC_ASSERT(back->quantile(q) == sketch.quantile(q));
}

}  // namespace
}  // namespace waybill::tally
