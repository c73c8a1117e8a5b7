#include "watch/redact.h"

#include <re2/re2.h>

#include <algorithm>

namespace waybill::watch {
namespace {

constexpr std::string_view kMask = "***";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string digits_of(std::string_view text) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out), is_digit);
  return out;
}

/// ISO/IEC 7812-1, annex B.
bool luhn(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int d = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) d = d > 4 ? d * 2 - 9 : d * 2;
    sum += d;
  }
  return sum % 10 == 0;
}

/// GB 11643-1999 (ISO 7064, MOD 11-2).
bool id_card(std::string_view id) {
  constexpr int kWeights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  int sum = 0;
  for (size_t i = 0; i < 17; ++i) sum += (id[i] - '0') * kWeights[i];
  return "10X98765432"[sum % 11] == (id[17] == 'x' ? 'X' : id[17]);
}

struct Rule {
  std::unique_ptr<RE2> pattern;
  std::optional<RedactRules::Masker> masker;
};

/// What stands for a find; nullopt = it is none.
std::optional<std::string> masked(const Rule& rule, std::string_view found) {
  if (rule.masker == RedactRules::Masker::kCard) {
    std::string digits = digits_of(found);
    if (digits.size() < 13 || digits.size() > 19 || !luhn(digits)) return std::nullopt;
    return std::string(kMask) + digits.substr(digits.size() - 4);
  }
  if (rule.masker == RedactRules::Masker::kIdCard && !id_card(found)) return std::nullopt;
  return std::string(kMask);
}

std::string replaced(const Rule& rule, std::string_view text) {
  std::string out;
  size_t at = 0, kept = 0;
  re2::StringPiece found[2];
  re2::StringPiece whole(text.data(), text.size());
  int group = rule.masker ? 1 : 0;
  while (at <= text.size() &&
         rule.pattern->Match(whole, at, text.size(), RE2::UNANCHORED, found, group + 1)) {
    size_t begin = static_cast<size_t>(found[group].data() - text.data()), size = found[group].size();
    auto with = size == 0 ? std::nullopt : masked(rule, text.substr(begin, size));
    if (with) {
      out.append(text.substr(kept, begin - kept)).append(*with);
      kept = begin + size;
    }
    at = std::max(at + 1, begin + size);
  }
  return out.append(text.substr(std::min(kept, text.size())));
}

Rule ready(RedactRules::Masker masker) {
  auto pattern = [masker]() -> const char* {
    switch (masker) {
      case RedactRules::Masker::kCard:
        return "(?:^|[^0-9])([0-9](?:[ -]?[0-9]){12,18})";
      case RedactRules::Masker::kPhone:
        return "(?:^|[^0-9+])(\\+[1-9](?:[ -]?[0-9]){7,14}|(?:86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ "
               "-]?[0-9]{4})(?:$|[^0-9])";
      case RedactRules::Masker::kEmail:
        return "([A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\\.[A-Za-z0-9-]{1,63}){1,8})";
      case RedactRules::Masker::kIdCard:
        return "(?:^|[^0-9])([1-9][0-9]{16}[0-9Xx])";
    }
    return "$x()";
  };
  return {std::make_unique<RE2>(pattern()), masker};
}

}  // namespace

struct Redactor::Impl {
  std::vector<std::string> fields;
  std::unique_ptr<RE2> keys;  ///< "key": value, also in a string inside a string
  std::vector<Rule> rules;

  std::string without_secrets(std::string text) const {
    for (const auto& rule : rules) text = replaced(rule, text);
    return text;
  }
};

Redactor::Redactor(const RedactRules& rules) : impl_(std::make_unique<Impl>()) {
  impl_->fields = rules.fields;
  std::string keys;
  for (const auto& field : rules.fields) {
    size_t dot = field.rfind('.');
    keys += (keys.empty() ? "" : "|") + RE2::QuoteMeta(field.substr(dot == std::string::npos ? 0 : dot + 1));
  }
  if (!keys.empty()) {
    // A text (perhaps cut off), or a number, bool or null.
    impl_->keys = std::make_unique<RE2>("(\\\\*\"(?:" + keys +
                                        ")\\\\*\"\\s*:\\s*)(?:\"(?:[^\"\\\\]|\\\\(?:.|\\n|$))*(\"|$)|\\\\+\"["
                                        "^\"\\\\]*(\\\\+\"|$)|[-0-9.eEa-z+]+)");
  }
  // Longer numbers first: what is left of a card is no phone.
  for (auto masker : {RedactRules::Masker::kIdCard, RedactRules::Masker::kCard, RedactRules::Masker::kEmail,
                      RedactRules::Masker::kPhone}) {
    if (std::find(rules.maskers.begin(), rules.maskers.end(), masker) != rules.maskers.end())
      impl_->rules.push_back(ready(masker));
  }
  for (const auto& pattern : rules.patterns)
    impl_->rules.push_back({std::make_unique<RE2>(pattern, RE2::Quiet), std::nullopt});
}

Redactor::~Redactor() = default;
Redactor::Redactor(Redactor&&) noexcept = default;
Redactor& Redactor::operator=(Redactor&&) noexcept = default;

std::string Redactor::text(std::string_view message) const {
  std::string out(message);
  if (impl_->keys) RE2::GlobalReplace(&out, *impl_->keys, "\\1\"***\"");
  return impl_->without_secrets(std::move(out));
}

std::string Redactor::value(std::string_view path, std::string_view value) const {
  for (const auto& field : impl_->fields) {
    if (path == field || (path.ends_with(field) && path[path.size() - field.size() - 1] == '.'))
      return std::string(kMask);
  }
  return impl_->without_secrets(std::string(value));
}

std::optional<RedactRules::Masker> masker_named(std::string_view name) {
  if (name == "card") return RedactRules::Masker::kCard;
  if (name == "phone") return RedactRules::Masker::kPhone;
  if (name == "email") return RedactRules::Masker::kEmail;
  if (name == "id_card") return RedactRules::Masker::kIdCard;
  return std::nullopt;
}

}  // namespace waybill::watch
