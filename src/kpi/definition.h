#pragma once
// What a KPI is, as data: what the configuration says, checked there. docs/kpi.md describes each part.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace waybill::kpi {

inline constexpr size_t kStepsMax = 8;
inline constexpr size_t kDimensionsMax = 8;
inline constexpr size_t kValuesMax = 64;
inline constexpr int64_t kGroupsMaxDefault = 10'000;

/// A field of the line's JSON object; of several names the first that the line has.
struct FieldRef {
  std::vector<std::string> names;
  auto operator<=>(const FieldRef&) const = default;
};

/// One test of a field's text. A number counts as its decimal text.
struct Condition {
  enum class Op : uint8_t { kIs, kIsNot, kPrefix, kExists, kMissing } op = Op::kIs;
  FieldRef field;
  std::vector<std::string>
      values;  ///< kIs, kPrefix: one of them fits; kIsNot: none is equal (a missing field fits)
  auto operator<=>(const Condition&) const = default;
};
using Where = std::vector<Condition>;  ///< all hold

struct TimeRef {
  FieldRef field;
  size_t prefix = 0;   ///< bytes of the field that are the time; 0 = all
  std::string format;  ///< as decode::TimeParser takes it
  std::string zone;
  auto operator<=>(const TimeRef&) const = default;
};

/// Code to name. Immutable; shared by the KPIs and threads that use it.
using Lookup = std::map<std::string, std::string, std::less<>>;

struct Dimension {
  std::string name;  ///< in results
  FieldRef field;
  std::string label;                     ///< name of the looked-up text in results; empty = none
  std::shared_ptr<const Lookup> lookup;  ///< null = none. Shared: a table is large and read by several KPIs
};

/// What of a measure is shown.
enum class Show : uint8_t { kCount, kSum, kMin, kMax, kMean, kP50, kP90, kP95, kP99 };

struct ValueDef {
  std::string name;
  enum class Kind : uint8_t {
    kCount,     ///< lines
    kNumber,    ///< of a whole number in a field
    kDuration,  ///< ms from one time to another
    kRatio,     ///< of two other values: sums, or counts
    kReached,   ///< ids that reached step `a`, in the window of that step
    kBetween,   ///< ms from step `a` to step `b`, in the window of `b`
    kStuck,     ///< ids that stand at step `a` for longer than the limit, in the window of that step
  } kind = Kind::kCount;
  Where where{};
  FieldRef number{};
  int64_t number_min = INT64_MIN;  ///< a number outside is counted as a problem and left out
  int64_t number_max = INT64_MAX;
  TimeRef from{};
  TimeRef to{};
  std::string a{};
  std::string b{};
  std::vector<Show> show{};  ///< kNumber, kDuration, kBetween: at least one
  bool nested = false;       ///< shown as an object, {"min": ..., "max": ...}
};

struct StepsDef {
  FieldRef id;
  FieldRef field;                  ///< holds the step's name
  std::vector<std::string> order;  ///< 2 to kStepsMax names
  int64_t stuck_after_ms = 600'000;
  int64_t keep_ms = 3'600'000;   ///< an id without a line for so long is forgotten
  int64_t ids_max = 20'000'000;  ///< beyond, lines of new ids are counted as a problem and left out
};

struct Definition {
  std::string name;
  std::string cluster;  ///< empty: files only
  std::vector<std::string> topics;
  Where where;
  TimeRef time;
  int64_t window_ms = 60'000;  ///< divides a day, or is one day, or seven
  int64_t lateness_ms = 600'000;
  int64_t future_ms = 3'600'000;  ///< a time further ahead of the clock is a problem
  std::vector<Dimension> by;
  int64_t groups_max = kGroupsMaxDefault;  ///< a window; beyond, lines go to the group "(other)"
  std::vector<ValueDef> values;
  std::optional<StepsDef> steps;
};

/// Parts of a group's key are joined by this; in texts from lines it becomes a blank.
inline constexpr char kKeySeparator = '\x1f';
inline constexpr const char* kOtherGroup = "(other)";

}  // namespace waybill::kpi
