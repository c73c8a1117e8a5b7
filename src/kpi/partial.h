#pragma once
// What a block of lines adds up to, before it is known what came before the block.

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "tally/latency_sketch.h"

namespace waybill::kpi {

using Int128 = __int128;

/// One measure of one group of one window. Sums are exact: 2^63 lines of any int64 fit.
struct Cell {
  int64_t count = 0;
  int64_t min = INT64_MAX;
  int64_t max = INT64_MIN;
  Int128 sum = 0;
  std::unique_ptr<tally::LatencySketch> sketch;  ///< quantiles only; values below 0 are apart in it

  void add(int64_t value) {
    ++count;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  void add_sketched(int64_t value) {
    add(value);
    if (!sketch) sketch = std::make_unique<tally::LatencySketch>();
    sketch->add(value);
  }
  void merge(const Cell& other) {
    count += other.count;
    sum += other.sum;
    if (other.min < min) min = other.min;
    if (other.max > max) max = other.max;
    if (!other.sketch) return;
    if (!sketch) sketch = std::make_unique<tally::LatencySketch>();
    sketch->merge(*other.sketch);
  }
};

struct Group {
  int64_t lines = 0;
  size_t met = 0;           ///< groups of its window that the block had before it
  std::vector<Cell> cells;  ///< by measure
  void merge(const Group& other) {
    lines += other.lines;
    if (cells.size() < other.cells.size()) cells.resize(other.cells.size());
    for (size_t i = 0; i < other.cells.size(); ++i) cells[i].merge(other.cells[i]);
  }
};

/// Groups by key: the values of the dimensions joined by kKeySeparator.
using Groups = absl::flat_hash_map<std::string, std::unique_ptr<Group>>;

struct WindowPart {
  int64_t end_ms = 0;
  int64_t lines = 0;  ///< counted
  Groups groups;
};

/// One line of an id that stands at a step.
struct StepEvent {
  std::string id;
  std::string group;
  int64_t time_ms = 0;
  int64_t newest_ms = INT64_MIN;  ///< of the lines of the block before it
  int64_t window_ms = 0;          ///< start
  int64_t window_end_ms = 0;
  uint8_t step = 0;
};

/// Why a line, or a value of it, was left out.
enum class Reason : uint8_t {
  kBroken,     ///< no JSON object, or not UTF-8
  kTooLong,    ///< a line above the limit
  kTime,       ///< the event's time; `detail` is a decode::TimeFault
  kFuture,     ///< a time ahead of the clock
  kDuration,   ///< one of the times of a duration; `detail` as above
  kMissing,    ///< a number that the line does not have
  kNumber,     ///< no whole number
  kRange,      ///< a number outside of what is allowed
  kId,         ///< no id, or one above 255 bytes
  kStepOrder,  ///< steps of one id more than 24 days apart
  kIdsFull,    ///< a new id beyond the limit
};
std::string_view reason_text(Reason reason);

struct ProblemKey {
  uint8_t kpi = 0;  ///< index; kNoKpi for lines that nobody can read
  Reason reason = Reason::kBroken;
  uint8_t detail = 0;
  std::string field;
  auto operator<=>(const ProblemKey&) const = default;
};
inline constexpr uint8_t kNoKpi = 255;

struct Problem {
  int64_t count = 0;
  int64_t first_place = 0;  ///< line of the block, from 0, or offset
  std::string sample;       ///< of the first one, at most kSampleBytesMax, UTF-8
};
inline constexpr size_t kSampleBytesMax = 64;
inline constexpr size_t kProblemKindsMax = 1000;  ///< more kinds are counted under their KPI and reason alone

struct KpiPart {
  absl::flat_hash_map<int64_t, std::unique_ptr<WindowPart>> windows;  ///< by start
  std::vector<StepEvent> steps;
  int64_t newest_ms = INT64_MIN;  ///< time of the newest line
  int64_t too_late = 0;           ///< lines that this block alone made late
};

struct Partial {
  int64_t lines = 0;
  int64_t malformed = 0;
  std::vector<KpiPart> kpis;
  std::map<ProblemKey, Problem> problems;
};

}  // namespace waybill::kpi
