// Coverage against the plain model: a set of integers.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "tally/coverage.h"

namespace waybill::tally {
namespace {

using Model = std::set<int64_t>;
using Ranges = std::vector<OffsetRange>;

constexpr int64_t kDomain = 48;  // small, so that runs meet often

OffsetRange any_range() {
  const int64_t begin = *rc::gen::inRange<int64_t>(0, kDomain);
  return {Offset(begin), Offset(begin + *rc::gen::inRange<int64_t>(-1, 12))};
}

/// The offsets of the range that fulfil the condition, as runs.
template <class Condition>
Ranges runs_where(OffsetRange range, Condition condition) {
  Ranges out;
  for (int64_t i = range.begin.value; i < range.end.value; ++i) {
    if (!condition(i)) continue;
    if (!out.empty() && out.back().end.value == i) {
      out.back().end = Offset(i + 1);
    } else {
      out.push_back({Offset(i), Offset(i + 1)});
    }
  }
  return out;
}

void expect_equal(const Coverage& set, const Model& model) {
  const OffsetRange all{Offset(0), Offset(2 * kDomain)};
  RC_ASSERT(set.runs() == runs_where(all, [&](int64_t i) { return model.contains(i); }));
  RC_ASSERT(set.size() == static_cast<int64_t>(model.size()));
  RC_ASSERT(set.run_count() == set.runs().size());
  RC_ASSERT(set.empty() == model.empty());
  if (!model.empty()) {
    RC_ASSERT(set.begin().value == *model.begin());
    RC_ASSERT(set.end().value == *model.rbegin() + 1);
  }
}

RC_GTEST_PROP(CoverageProperty, BehavesLikeASetOfIntegers, ()) {
  Coverage set;
  Model model;
  const int steps = *rc::gen::inRange(1, 40);
  for (int step = 0; step < steps; ++step) {
    const OffsetRange range = any_range();
    if (*rc::gen::inRange(0, 4) == 0) {
      set.erase(range);
      for (int64_t i = range.begin.value; i < range.end.value; ++i) model.erase(i);
    } else {
      Ranges fresh;
      Ranges overlap;
      set.insert(range, &fresh, &overlap);
      RC_ASSERT(fresh == runs_where(range, [&](int64_t i) { return !model.contains(i); }));
      RC_ASSERT(overlap == runs_where(range, [&](int64_t i) { return model.contains(i); }));
      for (int64_t i = range.begin.value; i < range.end.value; ++i) model.insert(i);
    }
    expect_equal(set, model);
    const OffsetRange probe = any_range();
    const Ranges inside = runs_where(probe, [&](int64_t i) { return model.contains(i); });
    const Ranges outside = runs_where(probe, [&](int64_t i) { return !model.contains(i); });
    RC_ASSERT(set.within(probe) == inside);
    RC_ASSERT(set.missing(probe) == outside);
    RC_ASSERT(set.contains_all(probe) == outside.empty());
    RC_ASSERT(set.contains(probe.begin) == model.contains(probe.begin.value));
  }
}

RC_GTEST_PROP(CoverageProperty, RunsComeBackFromTheirBytes, ()) {
  Coverage set;
  const int steps = *rc::gen::inRange(0, 30);
  for (int step = 0; step < steps; ++step) {
    const int64_t begin = *rc::gen::inRange<int64_t>(0, INT64_MAX / 2);
    set.insert({Offset(begin), Offset(begin + *rc::gen::inRange<int64_t>(1, INT64_MAX / 2))});
    set.insert(any_range());
  }
  std::string bytes;
  append_runs(set.runs(), bytes);
  const auto back = read_runs(bytes);
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == set.runs());
}

}  // namespace
}  // namespace waybill::tally
