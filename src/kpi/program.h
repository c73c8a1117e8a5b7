#pragma once
// Definitions made ready to run: fields become slots, equal tests and times are shared between the KPIs of
// one pass.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "decode/json_record.h"
#include "decode/timestamps.h"
#include "kpi/definition.h"
#include "kpi/windows.h"

namespace waybill::kpi {

/// A field: the slots of its names, in their order.
using Slots = std::vector<uint8_t>;

struct Test {
  Condition::Op op = Condition::Op::kIs;
  Slots slots;
  std::vector<std::string> values;
};

struct TimeSpec {
  Slots slots;
  size_t prefix = 0;
  std::string field;  ///< for messages
};

/// What is accumulated for one value of a KPI (a ratio accumulates nothing).
struct Measure {
  ValueDef::Kind kind = ValueDef::Kind::kCount;
  std::vector<uint8_t> tests;
  Slots number;
  std::string field;  ///< for messages
  int64_t number_min = INT64_MIN;
  int64_t number_max = INT64_MAX;
  uint8_t from = 0;  ///< times, or steps
  uint8_t to = 0;
  bool sketch = false;
};

struct Kpi {
  Definition definition;
  std::vector<uint8_t> tests;
  uint8_t time = 0;
  std::vector<Slots> by;
  std::vector<Measure> measures;
  std::vector<int> measure_of;                ///< by value; -1 for ratios
  std::vector<std::pair<int, int>> ratio_of;  ///< by value; measures of a ratio
  bool by_step_values = false;                ///< some measure needs steps
  Slots id, step;
};

inline constexpr size_t kTestsMax = 64;
inline constexpr size_t kTimesMax = 32;
inline constexpr size_t kKpisMax = 64;

/// Immutable; shared by all scanners of a pass.
class Program {
 public:
  /// kInvalid: contradictions that only show together (too many fields, tests or KPIs), a format or a zone.
  static Result<std::shared_ptr<const Program>> compile(std::vector<Definition> definitions);

  const decode::JsonSchema& schema() const { return schema_; }
  const std::vector<Kpi>& kpis() const { return kpis_; }
  const std::vector<Test>& tests() const { return tests_; }
  const std::vector<TimeSpec>& times() const { return times_; }
  /// Copied by each scanner.
  const std::vector<decode::TimeParser>& parsers() const { return parsers_; }
  Windows windows_of(const Kpi& kpi) const { return {parsers_[kpi.time].zone(), kpi.definition.window_ms}; }

 private:
  struct Compiler;
  decode::JsonSchema schema_;
  std::vector<Kpi> kpis_;
  std::vector<Test> tests_;
  std::vector<TimeSpec> times_;
  std::vector<decode::TimeParser> parsers_;  ///< beside times_
};

}  // namespace waybill::kpi
