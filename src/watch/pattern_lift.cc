#include "watch/pattern_lift.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace waybill::watch {
namespace {

constexpr int kDepthMax = 100;
constexpr int kRepeatMax =
    16;  ///< longer repeats become "at least": their states are what fills Hyperscan's limits

/// What one character of the pattern may be.
struct Chars {
  std::bitset<128> ascii;
  bool beyond = false;  ///< any character from U+0080 on
  char32_t exact = 0;   ///< exactly this character from U+0080 on
  void add(char32_t from, char32_t to) {
    for (char32_t c = from; c <= to && c < 128; ++c) ascii.set(c);
    if (to >= 128) beyond = true;
  }
};

struct Flags {
  bool ignore_case = false;
  bool dot_all = false;
};

/// A plain text as an expression, letters perhaps in both cases.
struct Text {
  std::string out;
  size_t size = 0;  ///< characters
};
using Texts = std::vector<Text>;

constexpr size_t kTextsMax = 8;

/// Characters of the shortest one; 0 when there is none.
size_t shortest(const Texts& texts) {
  size_t least = texts.empty() ? 0 : SIZE_MAX;
  for (const auto& text : texts) least = std::min(least, text.size);
  return least;
}

/// A lifted piece, and plain texts of which one is in every match of it.
struct Piece {
  std::string out;
  bool empty = true;      ///< may match nothing
  bool exact = true;      ///< matches `tail` and nothing else
  Texts tail = {Text{}};  ///< every match ends in one of these
  Texts best;             ///< every match holds one of these; none: nothing is known

  void offer(const Texts& texts) {
    size_t have = shortest(best), size = shortest(texts);
    if (size > have || (size == have && size > 0 && texts.size() < best.size())) best = texts;
  }
  Texts all() const {
    Piece copy = *this;
    copy.offer(tail);
    return copy.best;
  }
  void append(const Piece& next) {
    out += next.out;
    empty = empty && next.empty;
    if (next.exact && tail.size() * next.tail.size() <= kTextsMax) {
      Texts joined;
      for (const auto& a : tail) {
        for (const auto& b : next.tail) joined.push_back({a.out + b.out, a.size + b.size});
      }
      tail = std::move(joined);
      exact = exact && next.exact;
      return;
    }
    offer(tail);
    offer(next.best);
    tail = next.tail;
    exact = false;
  }
  void either(const Piece& other) {
    out += "|" + other.out;
    empty = empty || other.empty;
    bool both = exact && other.exact && tail.size() + other.tail.size() <= kTextsMax;
    Texts ours = both ? tail : all(), theirs = both ? other.tail : other.all();
    bool known = both || (!ours.empty() && !theirs.empty() && ours.size() + theirs.size() <= 4 * kTextsMax);
    ours.insert(ours.end(), theirs.begin(), theirs.end());
    exact = both;
    best = both || !known ? Texts{} : ours;
    tail = both ? ours : Texts{Text{}};
  }
  /// After a repeat of at least `min` and at most `max` times; -1: any number.
  void repeated(int min, int max) {
    if (min == 0 && max == 1 && exact && tail.size() < kTextsMax) {
      tail.push_back({});
    } else {
      best = min == 0 ? Texts{} : all();
      tail = {Text{}};
      exact = false;
    }
    empty = empty || min == 0;
  }
  void plain_text() {
    exact = true;
    tail = {{out, 1}};
  }
};

std::string hex(unsigned char c) {
  char text[8];
  std::snprintf(text, sizeof text, "\\x%02x", c);
  return text;
}

std::string byte_class(const std::bitset<128>& set) {
  std::string out = "[";
  for (int c = 0; c < 128; ++c) {
    if (!set[c]) continue;
    int last = c;
    while (last + 1 < 128 && set[last + 1]) ++last;
    out += hex(static_cast<unsigned char>(c));
    if (last > c) out += (last > c + 1 ? "-" : "") + hex(static_cast<unsigned char>(last));
    c = last;
  }
  return out + "]";
}

std::string utf8_of(char32_t c) {
  std::string out;
  auto put = [&out](char32_t b) { out += hex(static_cast<unsigned char>(b)); };
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 0x3f));
  } else {
    put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 0x3f)), put(0x80 | (c >> 6 & 0x3f));
  }
  put(0x80 | (c & 0x3f));
  return out;
}

constexpr std::string_view kShortEscapes = "\"\\/bfnrt";
constexpr std::string_view kShortEscaped = "\"\\/\b\f\n\r\t";

class Lifter {
 public:
  Lifter(std::string_view pattern, Raw raw) : p_(pattern), raw_(raw) {}

  std::optional<Lifted> pattern() {
    bool anchored = p_.starts_with('^') || p_.starts_with("\\A");
    bool choice = false;
    Piece piece = alternatives({}, 0, &choice);
    if (failed_ || at_ != p_.size()) return std::nullopt;
    return finish(std::move(piece), anchored && !choice);
  }

  std::optional<Lifted> text() {
    Piece piece;
    while (!failed_ && at_ < p_.size()) {
      Chars chars;
      literal(next(), {}, chars);
      piece.append(lifted(chars));
    }
    if (failed_) return std::nullopt;
    return finish(std::move(piece), false);
  }

 private:
  std::optional<Lifted> finish(Piece piece, bool anchored) {
    result_.pattern = std::move(piece.out);
    Texts texts = piece.all();
    result_.literal_run = shortest(texts);
    for (const auto& text : texts) result_.literals += (result_.literals.empty() ? "" : "|") + text.out;
    result_.anchored = anchored;
    result_.may_be_empty = piece.empty;
    return std::move(result_);
  }

  bool more() const { return at_ < p_.size() && !failed_; }
  bool take(std::string_view text) {
    if (p_.substr(at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }
  Piece fail() {
    failed_ = true;
    return {};
  }

  /// The next character; moves on.
  char32_t next() {
    size_t size = utf8_sequence_length(p_.substr(at_));
    if (size == 0) {
      failed_ = true;
      ++at_;
      return 0;
    }
    auto byte = [this](size_t i) { return static_cast<unsigned char>(p_[at_ + i]); };
    char32_t c = size == 1 ? byte(0) : byte(0) & (0xff >> (size + 1));
    for (size_t i = 1; i < size; ++i) c = c << 6 | (byte(i) & 0x3f);
    at_ += size;
    return c;
  }

  // ---- what RE2's syntax says ----

  Piece alternatives(Flags flags, int depth, bool* choice = nullptr) {
    if (depth > kDepthMax) return fail();
    Piece all = sequence(flags, depth);
    while (more() && take("|")) {
      all.either(sequence(flags, depth));
      if (choice) *choice = true;
    }
    return all;
  }

  /// Until | or ) or the end. (?flags) changes `flags` for the rest of the group, behind its bars too.
  Piece sequence(Flags& flags, int depth) {
    Piece all;
    while (more() && p_[at_] != '|' && p_[at_] != ')') {
      if (take("\\Q")) {
        quoted(flags, all);
        continue;
      }
      std::optional<Chars> chars;
      Piece piece = atom(flags, depth, chars);
      if (failed_) return {};
      if (std::exchange(only_flags_, false)) continue;
      repeat(piece, chars);
      all.append(piece);
    }
    return all;
  }

  void quoted(Flags flags, Piece& all) {
    while (more() && !take("\\E")) {
      Chars chars;
      literal(next(), flags, chars);
      std::optional<Chars> one = chars;
      Piece piece = lifted(chars);
      if (take("\\E")) {
        repeat(piece, one);
        all.append(piece);
        return;
      }
      all.append(piece);
    }
  }

  /// One item without its repeats. `chars` is set when it is one character.
  Piece atom(Flags& flags, int depth, std::optional<Chars>& chars) {
    // A repeat behind (?i) or \Q\E is one of what stands before those.
    if (int min = 0, max = 0;
        p_[at_] == '*' || p_[at_] == '+' || p_[at_] == '?' || (p_[at_] == '{' && braces(min, max))) {
      return fail();
    }
    if (take("(")) return group(flags, depth);
    if (take("^") || take("$")) return {};
    for (std::string_view border : {"\\A", "\\z", "\\b", "\\B"}) {
      if (take(border)) return {};
    }
    chars.emplace();
    if (take(".")) {
      chars->add(0, 0x10ffff);
      if (!flags.dot_all) chars->ascii.reset('\n');
    } else if (take("[")) {
      char_class(flags, *chars);
    } else if (p_[at_] == '\\') {
      escape(flags, *chars);
    } else {
      literal(next(), flags, *chars);
    }
    return failed_ ? Piece{} : lifted(*chars);
  }

  Piece group(Flags& flags, int depth) {
    Flags inner = flags;
    if (take("?P<") || take("?<")) {
      size_t close = p_.find('>', at_);
      if (close == std::string_view::npos) return fail();
      at_ = close + 1;
    } else if (take("?")) {
      bool on = true;
      while (more() && p_[at_] != ':' && p_[at_] != ')') {
        char c = p_[at_++];
        if (c == '-')
          on = false;
        else if (c == 'i')
          inner.ignore_case = on;
        else if (c == 's')
          inner.dot_all = on;
        else if (c != 'm' && c != 'U')
          return fail();
      }
      if (take(")")) {
        flags = inner;
        only_flags_ = true;
        return {};
      }
      if (!take(":")) return fail();
    }
    Piece piece = alternatives(inner, depth + 1);
    if (!take(")")) return fail();
    piece.out = "(?:" + piece.out + ")";
    return piece;
  }

  /// {n}, {n,} or {n,m}; RE2 takes any other brace as a character.
  bool braces(int& min, int& max) {
    size_t i = at_ + 1;
    auto number = [&](int& out) {
      size_t from = i;
      out = 0;
      for (; i < p_.size() && p_[i] >= '0' && p_[i] <= '9' && i - from < 6; ++i)
        out = out * 10 + (p_[i] - '0');
      return i > from;
    };
    if (!number(min)) return false;
    max = min;
    if (i < p_.size() && p_[i] == ',') {
      ++i;
      if (!number(max)) max = -1;
    }
    if (i >= p_.size() || p_[i] != '}') return false;
    at_ = i + 1;
    return true;
  }

  void repeat(Piece& piece, const std::optional<Chars>& chars) {
    int min = 1, max = 1;
    bool any = false;
    while (more()) {
      int a = 0, b = 0;
      if (take("*"))
        a = 0, b = -1;
      else if (take("+"))
        a = 1, b = -1;
      else if (take("?"))
        a = 0, b = 1;
      else if (p_[at_] != '{' || !braces(a, b))
        break;
      take("?");  // lazy
      min = std::min(min * a, kRepeatMax);
      max = max < 0 || b < 0 ? (max == 0 || b == 0 ? 0 : -1) : std::min(max * b, 10'000);
      any = true;
    }
    if (!any || piece.out.empty()) {
      if (any && min == 0) piece.empty = true;
      return;
    }
    if (max > kRepeatMax) max = -1;
    piece.repeated(min, max);
    if (chars && chars->beyond && max < 0) {
      piece.out = min >= 1 ? "[^\\n]+" : "[^\\n]*";
    } else {
      std::string times = max == -1 && min < 2 ? (min == 0 ? "*" : "+")
                          : min == 0 && max == 1
                              ? "?"
                              : "{" + std::to_string(min) +
                                    (max == min ? "" : "," + (max < 0 ? "" : std::to_string(max))) + "}";
      piece.out = "(?:" + piece.out + ")" + times;
    }
    if (max == 0) piece.out = "";
  }

  void literal(char32_t c, Flags flags, Chars& out) {
    if (c >= 128) {
      if (flags.ignore_case) {
        out.beyond = true;
        for (char f : std::string_view("kKsS")) out.ascii.set(static_cast<size_t>(f));
      } else {
        out.exact = c;
      }
      return;
    }
    out.ascii.set(c);
    if (flags.ignore_case) fold(out);
  }

  void fold(Chars& out) {
    for (int c = 'a'; c <= 'z'; ++c) {
      if (out.ascii[c] || out.ascii[c - 32]) out.ascii.set(c), out.ascii.set(c - 32);
    }
    if (out.ascii['k'] || out.ascii['s']) result_.folds_beyond_ascii = true;
  }

  static void named(char name, Chars& out) {
    Chars set;
    switch (name | 0x20) {
      case 'd':
        set.add('0', '9');
        break;
      case 'w':
        set.add('0', '9'), set.add('A', 'Z'), set.add('a', 'z'), set.add('_', '_');
        break;
      default:
        for (char c : std::string_view("\t\n\f\r ")) set.ascii.set(static_cast<size_t>(c));
    }
    if (name < 'a') {
      set.ascii.flip();
      set.beyond = true;
    }
    out.ascii |= set.ascii;
    out.beyond = out.beyond || set.beyond;
  }

  /// A backslash and what follows, in and outside of classes. True when it was one character, in `one`.
  bool escape_one(Chars& out, char32_t& one) {
    ++at_;
    if (at_ >= p_.size()) return failed_ = true, false;
    char c = p_[at_++];
    if (std::string_view("dDwWsS").find(c) != std::string_view::npos) return named(c, out), false;
    if (c == 'p' || c == 'P') {
      if (take("{")) {
        size_t close = p_.find('}', at_);
        if (close == std::string_view::npos) return failed_ = true, false;
        at_ = close + 1;
      } else {
        next();
      }
      return out.add(0, 0x10ffff), false;
    }
    constexpr std::string_view kNames = "aftnrv", kMeans = "\a\f\t\n\r\v";
    if (size_t i = kNames.find(c); i != std::string_view::npos)
      return one = static_cast<unsigned char>(kMeans[i]), true;
    if (c == 'x' || (c >= '0' && c <= '7')) return one = number(c), true;
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
      return failed_ = true, false;
    --at_;
    return one = next(), true;
  }

  char32_t number(char first) {
    auto digits = [this](int base, size_t most, char32_t value) {
      for (; most > 0 && at_ < p_.size(); --most, ++at_) {
        char c = p_[at_];
        int d = c >= '0' && c <= '9'                     ? c - '0'
                : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                         : 99;
        if (d >= base) break;
        value = value * static_cast<char32_t>(base) + static_cast<char32_t>(d);
      }
      return value;
    };
    if (first != 'x') return digits(8, 2, static_cast<char32_t>(first - '0'));
    if (!take("{")) return digits(16, 2, 0);
    char32_t value = digits(16, 8, 0);
    if (!take("}")) failed_ = true;
    return value;
  }

  void escape(Flags flags, Chars& out) {
    char32_t one = 0;
    if (escape_one(out, one)) literal(one, flags, out);
  }

  void char_class(Flags flags, Chars& out) {
    bool negated = take("^");
    bool first = true;
    while (more() && (first || p_[at_] != ']')) {
      first = false;
      if (take("[:")) {
        posix(out);
        continue;
      }
      char32_t from = 0;
      if (p_[at_] == '\\') {
        if (!escape_one(out, from)) continue;
      } else {
        from = next();
      }
      char32_t to = from;
      if (at_ + 1 < p_.size() && p_[at_] == '-' && p_[at_ + 1] != ']') {
        ++at_;
        Chars unused;
        if (p_[at_] != '\\')
          to = next();
        else if (!escape_one(unused, to))
          failed_ = true;
      }
      out.add(from, to);
    }
    if (!take("]")) failed_ = true;
    if (negated) {
      out.ascii.flip();
      out.beyond = true;
    } else if (flags.ignore_case) {
      if (out.beyond) {
        for (char f : std::string_view("kKsS")) out.ascii.set(static_cast<size_t>(f));
      }
      fold(out);
    }
  }

  /// Behind "[:". The exact sets do not matter: more is allowed.
  void posix(Chars& out) {
    size_t close = p_.find(":]", at_);
    if (close == std::string_view::npos) {
      failed_ = true;
      return;
    }
    std::string_view name = p_.substr(at_, close - at_);
    at_ = close + 2;
    if (name == "digit")
      out.add('0', '9');
    else if (name == "upper")
      out.add('A', 'Z');
    else if (name == "lower")
      out.add('a', 'z');
    else if (name == "alpha")
      out.add('A', 'Z'), out.add('a', 'z');
    else if (name == "alnum")
      out.add('0', '9'), out.add('A', 'Z'), out.add('a', 'z');
    else if (name == "word")
      named('w', out);
    else
      out.add(0, name.starts_with('^') ? 0x10ffff : 127);
  }

  // ---- what it looks like in raw bytes ----

  Piece lifted(const Chars& chars) {
    Piece piece;
    piece.empty = false;
    piece.exact = false;
    if (chars.exact) {
      result_.escapable_beyond_ascii = true;
      piece.out = utf8_of(chars.exact);
      piece.plain_text();
      return piece;
    }
    std::bitset<128> plain = chars.ascii;
    plain.reset('\n');
    std::string escapes;
    if (raw_ == Raw::kJson) {
      for (size_t c = 0; c < 0x20; ++c) plain.reset(c);
      for (size_t i = 0; i < kShortEscaped.size(); ++i) {
        auto c = static_cast<size_t>(kShortEscaped[i]);
        if (chars.ascii[c]) escapes += hex(static_cast<unsigned char>(kShortEscapes[i]));
      }
      plain.reset('"');
      plain.reset('\\');
      if (!chars.beyond) result_.escapable |= chars.ascii;
    }
    std::vector<std::string> ways;
    if (plain.any()) ways.push_back(plain.count() == 1 ? hex(first_of(plain)) : byte_class(plain));
    if (!escapes.empty()) ways.push_back("\\x5c[" + escapes + "]");
    if (chars.beyond) {
      ways.push_back("[\\x80-\\xff]{1,4}");
      if (raw_ == Raw::kJson) ways.push_back("(?:\\x5cu[0-9a-fA-F]{4}){1,2}");
    }
    if (ways.empty()) return fail();
    piece.out = ways[0];
    for (size_t i = 1; i < ways.size(); ++i) piece.out += "|" + ways[i];
    if (ways.size() > 1) piece.out = "(?:" + piece.out + ")";
    bool letter = plain.count() == 2 && first_of(plain) >= 'A' && plain[first_of(plain) ^ 0x20u];
    if (ways.size() == 1 && !chars.beyond && (plain.count() == 1 || letter)) {
      piece.plain_text();
    }
    return piece;
  }

  static unsigned char first_of(const std::bitset<128>& set) {
    for (size_t c = 0; c < 128; ++c) {
      if (set[c]) return static_cast<unsigned char>(c);
    }
    return 0;
  }

  std::string_view p_;
  Raw raw_;
  size_t at_ = 0;
  bool failed_ = false;
  bool only_flags_ = false;  ///< the last atom was (?i) or the like
  Lifted result_;
};

}  // namespace

std::optional<Lifted> lift_pattern(std::string_view pattern, Raw raw) {
  return Lifter(pattern, raw).pattern();
}
std::optional<Lifted> lift_text(std::string_view text, Raw raw) { return Lifter(text, raw).text(); }

}  // namespace waybill::watch
