#pragma once
// What a learned layout is made of: shared by the scanner, its two builds and the learner.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "decode/json_record.h"

namespace waybill::decode {

/// One step through a line: these bytes, and then what may vary.
struct JsonStep {
  enum class Op : uint8_t {
    kNothing,
    kText,      ///< UTF-8 without '"', '\\' and control characters, up to the first of those
    kPlain,     ///< the same, and it does not begin with '{'
    kNumber,    ///< up to 18 digits; with a fraction its kind is kOther
    kConstant,  ///< no bytes: sets the field to `constant`
  };
  alignas(32) std::array<char, 32> bytes{};  ///< the first `size` count
  uint32_t mask = 0;                         ///< its lowest `size` bits
  Op op = Op::kNothing;
  uint8_t size = 0;        ///< 0 to 32
  int8_t field = -1;       ///< -1: not wanted
  uint8_t trust = kTrust;  ///< whether `guess` is worth a try
  uint32_t guess = 0;      ///< how many bytes varied last time
  JsonField constant{};    ///< kConstant

  /// A guess is given up when it was wrong this often: a branch that is often foreseen wrongly costs more
  /// than it saves.
  static constexpr uint8_t kTrust = 64;
};

struct JsonLayout {
  std::vector<JsonStep> steps;
  JsonStatus status = JsonStatus::kObject;
};

/// The layout of a line that JsonReader has read with `status` (kObject or kNotObject). nullopt when the line
/// has escapes or duplicate members where they matter, or needs more than `steps_max` steps. Texts of
/// constants point into `schema`.
std::optional<JsonLayout> layout_of(std::string_view line, JsonStatus status, const JsonSchema& schema,
                                    size_t steps_max);

}  // namespace waybill::decode
