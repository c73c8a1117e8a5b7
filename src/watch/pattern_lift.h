#pragma once
// From a pattern over the text of a JSON field to one over the raw bytes of a line, for the first stage of
// matching.
//
// The lifted pattern finds at least every line whose field matches (it may find more; the second stage
// decides), under one condition: the field writes none of the pattern's own characters as \uXXXX. Lines with
// such an escape are found by `escapable`: they are candidates whatever the scan says. Everything else that
// differs between a text and its raw form
// (\", \\, \/, \n, what '.' may stand for, UTF-8) is part of the lifted pattern. Anchors and word borders are
// dropped.

#include <bitset>
#include <optional>
#include <string>
#include <string_view>

namespace waybill::watch {

enum class Raw : uint8_t {
  kJson,  ///< the text stands inside a JSON string, escaped
  kLine,  ///< the text is the line itself
};

struct Lifted {
  std::string pattern;  ///< Hyperscan's syntax, no flags; never matches across '\n'
  /// ASCII characters that the pattern consumes as such: a line that writes one of them as \u00XX is a
  /// candidate.
  std::bitset<128> escapable;
  bool escapable_beyond_ascii = false;  ///< the same for characters from U+0080
  /// (?i) with k or s: RE2 matches U+212A and U+017F as well. Lines with these are candidates.
  bool folds_beyond_ascii = false;
  /// Plain texts, joined by '|', of which one is in every match: the longest such. Empty: there are none.
  std::string literals;
  size_t literal_run = 0;  ///< characters of the shortest of them: how rare a find is likely to be
  bool anchored = false;   ///< begins with ^ or \A
  bool may_be_empty = false;
};

/// nullopt: this pattern is not lifted (\C, a control character that JSON cannot write plainly, too deeply
/// nested), RE2 must look at every line. REQUIRES: RE2 accepts the pattern with its default options. Pure,
/// linear in the pattern's size.
std::optional<Lifted> lift_pattern(std::string_view pattern, Raw raw);

/// The same for a plain text that must occur.
std::optional<Lifted> lift_text(std::string_view text, Raw raw);

}  // namespace waybill::watch
