#pragma once
// Lines to a Partial: tests, times, windows, groups and values of all KPIs in one pass.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decode/json_record.h"
#include "kpi/partial.h"
#include "kpi/program.h"

namespace waybill::kpi {

inline constexpr size_t kGroupPartBytesMax = 96;  ///< of a dimension's value; what is longer is cut
inline constexpr size_t kIdBytesMax = 255;

/// One thread. begin(), any number of lines, take(). A line in a known window and group allocates nothing.
class Scanner {
 public:
  explicit Scanner(std::shared_ptr<const Program> program);

  /// `now_ms`: wall time, against which times ahead of the clock are judged.
  void begin(int64_t now_ms);
  /// The fields of Program::schema(), in its order. `place` grows from line to line.
  void line(std::span<const decode::JsonField> fields, int64_t place);
  /// A line that gives no fields: kBroken or kTooLong.
  void bad_line(Reason reason, int64_t place, std::string_view text);
  /// What was scanned since begin(); the scanner is as new.
  Partial take();

 private:
  struct TimeNow {
    decode::ParsedTime time;
    bool missing = false;
  };
  /// The window of the last line of a KPI and its groups.
  struct Recent {
    WindowSpan span{0, 0};
    WindowPart* window = nullptr;
    static constexpr size_t kGroups = 8;
    std::string keys[kGroups];
    Group* groups[kGroups] = {};
    size_t turn = 0;
  };

  /// Null: the line has none of them.
  const decode::JsonField* field(const Slots& slots) const {
    for (uint8_t slot : slots) {
      if (fields_[slot].kind != decode::JsonKind::kMissing) return &fields_[slot];
    }
    return nullptr;
  }
  std::string_view text(const decode::JsonField& field);
  bool holds(uint8_t test);
  bool all_hold(const std::vector<uint8_t>& tests) {
    for (uint8_t test : tests) {
      if (!holds(test)) return false;
    }
    return true;
  }
  bool evaluate(const Test& test);
  const TimeNow& time(uint8_t index);
  void kpi_line(size_t index, const Kpi& kpi);
  Group& group(size_t index, const Kpi& kpi);
  void build_key(const Kpi& kpi);
  void values(size_t index, const Kpi& kpi, Group& group);
  void number(size_t index, const Measure& measure, Cell& cell);
  void duration(size_t index, const Measure& measure, Cell& cell);
  /// The step at which the line stands, when it has an id.
  std::optional<uint8_t> step_of(size_t index, const Kpi& kpi);
  void problem(size_t kpi, Reason reason, uint8_t detail, std::string_view field, std::string_view sample);
  std::string_view sample(const Slots& slots);

  std::shared_ptr<const Program> program_;  ///< shared with the other scanners of a pass
  std::vector<decode::TimeParser> parsers_;
  std::vector<Windows> windows_;  ///< by KPI
  std::vector<Recent> recent_;    ///< by KPI
  Partial partial_;
  Group late_;  ///< takes what counts nowhere
  int64_t now_ms_ = 0;
  std::span<const decode::JsonField> fields_;
  int64_t place_ = 0;
  uint64_t known_tests_ = 0;
  uint64_t true_tests_ = 0;
  uint32_t known_times_ = 0;
  std::vector<TimeNow> times_;
  std::string key_;
  char digits_[24];
};

}  // namespace waybill::kpi
