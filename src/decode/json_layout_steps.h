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

/// One step through a line.
struct JsonStep {
  enum class Op : uint8_t {
    kLiteral,   ///< these bytes
    kText,      ///< UTF-8 without '"', '\\' and control characters, up to the first of those
    kPlain,     ///< the same, and it does not begin with '{'
    kNumber,    ///< up to 18 digits; with a fraction its kind is kOther
    kConstant,  ///< no bytes: sets the field to `constant`
  };
  alignas(32) std::array<char, 32> bytes{};  ///< kLiteral
  uint32_t mask = 0;                         ///< kLiteral: the lowest `size` bits
  Op op = Op::kLiteral;
  uint8_t size = 0;      ///< kLiteral: 1 to 32
  int8_t field = -1;     ///< -1: not wanted
  JsonField constant{};  ///< kConstant
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
