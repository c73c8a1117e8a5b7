#pragma once
// What a rule asks of a line, as data.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace waybill::watch {

/// A question to one text.
struct Test {
  enum class Op : uint8_t {
    kPattern,   ///< RE2, unanchored
    kContains,  ///< a plain text
    kWord,      ///< the same with no letter, digit or '_' (ASCII) right before and behind it
    kPrefix,
    kSuffix,
    kEq,  ///< the same text, or both are numbers and equal
    kNe,  ///< has a text, and kEq does not hold
    kGt,
    kGte,
    kLt,
    kLte,     ///< both are numbers; false when the text is none
    kExists,  ///< there, and not null; also objects and arrays. The operand is not used
  } op = Op::kPattern;
  std::string operand;
};

/// A tree of tests. Fields hold no text when they are absent, null, an object or an array: then no test but
/// kExists is true.
struct Condition {
  enum class Kind : uint8_t { kField, kText, kAll, kAny, kNot } kind = Kind::kAll;
  std::string field;             ///< kField: a path of decode::JsonFields
  Test test{};                   ///< kField, kText (the whole line)
  std::vector<Condition> parts;  ///< kAll and kAny: any number; none is true and false. kNot: one

  static Condition of_field(std::string path, Test test) {
    return {Kind::kField, std::move(path), std::move(test), {}};
  }
  static Condition of_text(Test test) { return {Kind::kText, {}, std::move(test), {}}; }
  static Condition all(std::vector<Condition> parts) { return {Kind::kAll, {}, {}, std::move(parts)}; }
  static Condition any(std::vector<Condition> parts) { return {Kind::kAny, {}, {}, std::move(parts)}; }
  static Condition negated(Condition part) {
    Condition out{Kind::kNot, {}, {}, {}};
    out.parts.push_back(std::move(part));
    return out;
  }
};

/// What is wrong with an operand.
struct OperandFault {
  size_t offset = 0;  ///< byte of the operand
  std::string message;
};
/// nullopt: fine. Patterns: RE2 decides, with at most kPatternBytesMax and kPatternMemoryMax.
std::optional<OperandFault> check_test(const Test& test);

inline constexpr size_t kPatternBytesMax = 64 << 10;
/// Of one compiled pattern; RE2 refuses larger ones.
inline constexpr int64_t kPatternMemoryMax = 8 << 20;

/// A decimal number that is the whole text: digits with sign, '.', exponent; leading zeros are fine. nullopt:
/// none, or out of double's range.
std::optional<double> number_of(std::string_view text);

}  // namespace waybill::watch
