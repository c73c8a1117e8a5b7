#include "watch/tester.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "base/utf8.h"

namespace waybill::watch {
namespace {

RE2::Options pattern_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemoryMax);
  return options;
}

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// Where `word` stands by itself, at `at` or behind; npos when nowhere.
size_t find_word(std::string_view text, std::string_view word, size_t at) {
  for (; (at = text.find(word, at)) != std::string_view::npos; ++at) {
    size_t end = at + word.size();
    if ((at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end]))) return at;
  }
  return at;
}

bool compares(Test::Op op) {
  return op == Test::Op::kGt || op == Test::Op::kGte || op == Test::Op::kLt || op == Test::Op::kLte;
}

/// Where RE2's complaint is: it names the text, not the place.
size_t place_of(std::string_view pattern, std::string_view argument, RE2::ErrorCode code) {
  bool paren = code == RE2::ErrorMissingParen || code == RE2::ErrorUnexpectedParen;
  if (paren && argument == pattern) {  // the last that is open, or the first that closes none
    std::vector<size_t> open;
    bool in_class = false;
    for (size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == '\\')
        ++i;
      else if (in_class)
        in_class = pattern[i] != ']';
      else if (pattern[i] == '[')
        in_class = true;
      else if (pattern[i] == '(')
        open.push_back(i);
      else if (pattern[i] == ')' && open.empty())
        return i;
      else if (pattern[i] == ')')
        open.pop_back();
    }
    return open.empty() ? 0 : open.back();
  }
  size_t at = argument.empty() ? 0 : pattern.find(argument);
  return at == std::string_view::npos ? 0 : at;
}

}  // namespace

std::optional<double> number_of(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789.eE+-") != std::string_view::npos)
    return std::nullopt;
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<OperandFault> check_test(const Test& test) {
  if (test.operand.size() > kPatternBytesMax) return OperandFault{0, "longer than 64 KiB"};
  if (compares(test.op) && !number_of(test.operand)) {
    return OperandFault{0, "\"" + test.operand + "\" is no number; a number such as 500 or 0.25 is allowed"};
  }
  bool needs_text = test.op == Test::Op::kContains || test.op == Test::Op::kWord ||
                    test.op == Test::Op::kPrefix || test.op == Test::Op::kSuffix;
  if (needs_text && test.operand.empty())
    return OperandFault{0, "the text is empty; it would match everything"};
  if (test.op != Test::Op::kPattern) {
    if (!is_utf8(test.operand)) return OperandFault{0, "the text is no UTF-8"};
    return std::nullopt;
  }
  RE2 pattern(test.operand, pattern_options());
  if (pattern.ok()) return std::nullopt;
  size_t at = place_of(test.operand, pattern.error_arg(), pattern.error_code());
  return OperandFault{at, "the pattern is not allowed: " + pattern.error() + " (at character " +
                              std::to_string(at + 1) + ")"};
}

Tester::Tester(const Test& test) : test_(test) {
  if (auto number = number_of(test.operand)) {
    number_ = *number;
    is_number_ = true;
  }
  if (test.op == Test::Op::kPattern) {
    pattern_ = std::make_unique<RE2>(test.operand, pattern_options());
    ASSERT(pattern_->ok());
  }
}

Tester::~Tester() = default;
Tester::Tester(Tester&&) noexcept = default;
Tester& Tester::operator=(Tester&&) noexcept = default;

bool Tester::text(std::string_view text) const {
  auto equal = [&] {
    if (text == test_.operand) return true;
    auto number = is_number_ ? number_of(text) : std::nullopt;
    return number && *number == number_;
  };
  auto compare = [&](auto holds) {
    auto number = number_of(text);
    return number && holds(*number);
  };
  switch (test_.op) {
    case Test::Op::kPattern:
      return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *pattern_);
    case Test::Op::kContains:
      return text.find(test_.operand) != std::string_view::npos;
    case Test::Op::kWord:
      return find_word(text, test_.operand, 0) != std::string_view::npos;
    case Test::Op::kPrefix:
      return text.starts_with(test_.operand);
    case Test::Op::kSuffix:
      return text.ends_with(test_.operand);
    case Test::Op::kEq:
      return equal();
    case Test::Op::kNe:
      return !equal();
    case Test::Op::kGt:
      return compare([&](double v) { return v > number_; });
    case Test::Op::kGte:
      return compare([&](double v) { return v >= number_; });
    case Test::Op::kLt:
      return compare([&](double v) { return v < number_; });
    case Test::Op::kLte:
      return compare([&](double v) { return v <= number_; });
    case Test::Op::kExists:
      return true;
  }
  return false;
}

void Tester::each_match(std::string_view text,
                        const std::function<void(size_t from, size_t to)>& take) const {
  const std::string& wanted = test_.operand;
  switch (test_.op) {
    case Test::Op::kPattern: {
      const re2::StringPiece all(text.data(), text.size());
      re2::StringPiece found;
      for (size_t at = 0; at <= text.size();) {
        if (!pattern_->Match(all, at, text.size(), RE2::UNANCHORED, &found, 1)) return;
        const auto from = static_cast<size_t>(found.data() - text.data());
        if (!found.empty()) take(from, from + found.size());
        at = from + std::max<size_t>(found.size(), 1);
      }
      return;
    }
    case Test::Op::kContains:
    case Test::Op::kWord: {
      const bool word = test_.op == Test::Op::kWord;
      for (size_t at = 0;; at += wanted.size()) {
        at = word ? find_word(text, wanted, at) : text.find(wanted, at);
        if (at == std::string_view::npos) return;
        take(at, at + wanted.size());
      }
    }
    case Test::Op::kPrefix:
      if (text.starts_with(wanted)) take(0, wanted.size());
      return;
    case Test::Op::kSuffix:
      if (text.ends_with(wanted)) take(text.size() - wanted.size(), text.size());
      return;
    case Test::Op::kNe:
    case Test::Op::kExists:
      return;
    default:
      if (!text.empty() && this->text(text)) take(0, text.size());
  }
}

bool Tester::field(const decode::FieldValue& value) const {
  using Kind = decode::FieldValue::Kind;
  if (test_.op == Test::Op::kExists) return value.kind != Kind::kAbsent && value.kind != Kind::kNull;
  return value.has_text() && text(value.text);
}

}  // namespace waybill::watch
