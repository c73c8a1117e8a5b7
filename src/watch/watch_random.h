#pragma once
// Random rules and random lines that are likely to meet, from a seed. For tests.

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "watch/condition.h"

namespace waybill::watch {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }
  bool chance(size_t one_in) { return below(one_in) == 0; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

 private:
  uint64_t next() {  // splitmix64 (Steele, Lea and Flood 2014)
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  uint64_t state_;
};

/// Characters that lines and patterns are made of: those that JSON escapes, those that case folding joins,
/// two and four bytes.
inline const std::vector<std::string> kLetters = {
    "5",  "0", "3", "a", "k", "S", "K", "s", "/",        "\"",       "\\",           "\n",
    "\t", " ", "_", ".", "-", "x", "{", ":", "\xc3\xa9", "\xc3\x89", "\xe2\x84\xaa", "\xf0\x9f\x98\x80"};
inline const std::vector<std::string> kKeys = {"status", "a", "b", "a.b", "s/k", "q\"", "\xc3\xa9", ""};
inline const std::vector<std::string> kPaths = {"status", "a",        "b",     "a.b", "s/k",
                                                "q\"",    "\xc3\xa9", "a.a.b", "",    "a.s/k"};

inline std::u32string decoded(const std::string& text) {
  std::u32string out;
  for (size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    size_t n = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t c = n == 1 ? lead : lead & (0xff >> (n + 1));
    for (size_t k = 1; k < n; ++k) c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3f);
    out.push_back(c);
    i += n;
  }
  return out;
}

inline std::string hex4(uint32_t unit, Random& random) {
  char text[8];
  std::snprintf(text, sizeof text, random.chance(2) ? "\\u%04x" : "\\u%04X", unit);
  return text;
}

/// A JSON string of the text, each character plain or escaped in one of the ways that there are.
inline std::string quoted(const std::string& text, Random& random, size_t escape_one_in) {
  std::string out = "\"";
  size_t at = 0;
  for (char32_t c : decoded(text)) {
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    constexpr std::string_view kPlain = "\"\\/\b\f\n\r\t", kShort = "\"\\/bfnrt";
    size_t brief = c < 0x80 ? kPlain.find(static_cast<char>(c)) : std::string_view::npos;
    bool must = c < 0x20 || c == '"' || c == '\\';
    if (!must && !random.chance(escape_one_in)) {
      out += text.substr(at, n);
    } else if (brief != std::string_view::npos && !random.chance(4)) {
      out += std::string("\\") + kShort[brief];
    } else if (c >= 0x10000) {
      out += hex4(0xd800 + ((c - 0x10000) >> 10), random) + hex4(0xdc00 + ((c - 0x10000) & 0x3ff), random);
    } else {
      out += hex4(c, random);
    }
    at += n;
  }
  return out + "\"";
}

inline std::string random_text(Random& random, size_t most = 12) {
  std::string out;
  for (size_t n = random.below(most + 1); n > 0; --n) {
    out += random.chance(3) ? random.pick<std::string>({"503", "50", "error", "Kiss", "timed out"})
                            : random.pick(kLetters);
  }
  return out;
}

inline std::string blank(Random& random) {
  return random.chance(6) ? random.pick<std::string>({" ", "\t", "  ", "\r"}) : "";
}

inline std::string random_value(Random& random, int depth, size_t escape_one_in);

inline std::string random_object(Random& random, int depth, size_t escape_one_in) {
  std::string out = "{";
  for (size_t n = random.below(5), i = 0; i < n; ++i) {
    if (i > 0) out += ",";
    out += blank(random) + quoted(random.pick(kKeys), random, escape_one_in * 2) + blank(random) + ":" +
           blank(random) + random_value(random, depth + 1, escape_one_in) + blank(random);
  }
  return out + "}";
}

inline std::string random_value(Random& random, int depth, size_t escape_one_in) {
  switch (random.below(depth < 4 ? 10 : 7)) {
    case 0:
      return random.pick<std::string>(
          {"503", "500", "-5", "0", "50.5", "5e2", "5.0E+2", "499.99", "1000", "123456789012345678901"});
    case 1:
      return random.pick<std::string>({"true", "false", "null"});
    case 7:
    case 8:
      return random_object(random, depth, escape_one_in);
    case 9:
      return "[" + random_value(random, depth + 1, escape_one_in) + "," +
             random_object(random, depth + 1, escape_one_in) + "]";
    default:
      return quoted(random_text(random), random, escape_one_in);
  }
}

/// A line without '\n': mostly JSON, now and then damaged or no JSON at all.
inline std::string random_line(Random& random) {
  std::string line = random_object(random, 0, random.pick<size_t>({1, 4, 20, 1000}));
  if (random.chance(8)) line = random_text(random) + line;
  if (random.chance(8) && !line.empty()) line.erase(random.below(line.size()), 1);
  if (random.chance(20) && !line.empty()) line[random.below(line.size())] = '\xff';
  std::erase(line, '\n');
  return line;
}

inline std::string random_pattern(Random& random, int depth = 0) {
  static const std::vector<std::string> kPieces = {
      "5\\d{2}",       "\\d",      "\\w+",       "\\s",         "\\S*",
      "\\D",           "\\W",      ".",          ".*",          ".+?",
      "[^a]",          "[a-s]",    "[^\"]*",     "[0-9/]+",     "\\b",
      "\\B",           "^",        "$",          "\\A",         "\\z",
      "\\pL",          "\\PL",     "\\p{Greek}", "[[:alpha:]]", "[[:^digit:]]",
      "[\\]/-]",       "\\x{e9}",  "\\x35",      "\\065",       "\\/",
      "\\\"",          "\\\\",     "\\n",        "\\t",         "\\Q5.\\E",
      "\\Q\"\\\\E",    "(?i)",     "(?s)",       "(?i:kiss)",   "(?i:K)",
      "(?i:\xc3\xa9)", "error",    "timed out",  "Kiss",        "[\xc3\x89-\xc3\xa9]",
      "[^\xc3\xa9]",   "(?-s).",   "a{0,3}",     "(?:50){2,}",  ".{3,20}",
      "x{0}",          "(?P<n>5)", "[\\s\\d]",   "[^\\S/]"};
  std::string out;
  for (size_t n = 1 + random.below(4); n > 0; --n) {
    if (random.chance(3)) {
      const std::string& letter = random.pick(kLetters);
      out += letter == "\\" || letter == "." || letter == "{" ? "\\" + letter : letter;
    } else if (depth < 3 && random.chance(4)) {
      out += random.pick<std::string>({"(", "(?:", "(?i:", "(?s:"}) + random_pattern(random, depth + 1) + ")";
    } else {
      out += random.pick(kPieces);
    }
    if (random.chance(6)) out += random.pick<std::string>({"*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"});
    if (random.chance(8)) out += "|" + random_pattern(random, depth + 1);
  }
  return out;
}

inline Test random_test(Random& random) {
  using Op = Test::Op;
  for (;;) {
    Test test;
    test.op = random.chance(2) ? Op::kPattern : static_cast<Op>(random.below(12));
    bool number = test.op >= Op::kEq && test.op != Op::kExists && random.chance(2);
    if (test.op == Op::kPattern)
      test.operand = random_pattern(random);
    else if (number || (test.op >= Op::kGt && test.op <= Op::kLte))
      test.operand = random.pick<std::string>({"500", "5", "0", "-3", "50.5", "499.5", "1e3"});
    else
      test.operand = random_text(random, 3);
    if (!check_test(test)) return test;
  }
}

inline Condition random_condition(Random& random, int depth = 0) {
  size_t kind = random.below(depth < 3 ? 8 : 5);
  if (kind == 0) return Condition::of_text(random_test(random));
  if (kind < 5) return Condition::of_field(random.pick(kPaths), random_test(random));
  if (kind == 5) return Condition::negated(random_condition(random, depth + 1));
  std::vector<Condition> parts;
  for (size_t n = random.below(4); n > 0; --n) parts.push_back(random_condition(random, depth + 1));
  return kind == 6 ? Condition::all(std::move(parts)) : Condition::any(std::move(parts));
}

}  // namespace waybill::watch
