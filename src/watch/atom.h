#pragma once
// What Hyperscan looks for in raw lines on behalf of one Test.

#include <bitset>
#include <optional>
#include <string>
#include <string_view>

#include "watch/condition.h"

namespace waybill::watch {

/// `expression` is found in every line for which the test holds, unless the line has one of the escapes that
/// the other members name (see pattern_lift.h). It is found inside that line, and never across '\n'.
struct Atom {
  std::string expression;
  std::bitset<128> escapable;
  bool escapable_beyond_ascii = false;
  bool folds_beyond_ascii = false;
  /// How few lines it is likely to find. In a rule that needs several tests only the best ones are looked
  /// for.
  enum class Strength : uint8_t {
    kWeak,   ///< the field is there
    kField,  ///< behind its key, or a short pattern in the line
    kText,   ///< plain texts of kLiteralRunMin characters and more: Hyperscan is fastest with these alone
  } strength = Strength::kWeak;
};

/// nullopt: nothing that can be looked for; every line is a candidate. REQUIRES: check_test(test) found
/// nothing.
std::optional<Atom> atom_of_field(std::string_view path, const Test& test);
std::optional<Atom> atom_of_text(const Test& test);

/// Texts in a pattern of this size and up are looked for anywhere in the line, smaller ones only behind their
/// key.
inline constexpr size_t kLiteralRunMin = 4;

}  // namespace waybill::watch
