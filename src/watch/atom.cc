#include "watch/atom.h"

#include <algorithm>
#include <cmath>

#include "watch/pattern_lift.h"

namespace waybill::watch {
namespace {

using Op = Test::Op;

std::optional<Lifted> lift(const Test& test, Raw raw) {
  switch (test.op) {
    case Op::kPattern:
      return lift_pattern(test.operand, raw);
    case Op::kContains:
    case Op::kWord:
    case Op::kSuffix:
      return lift_text(test.operand, raw);
    case Op::kPrefix:
    case Op::kEq: {
      auto lifted = lift_text(test.operand, raw);
      if (lifted) lifted->anchored = true;
      return lifted;
    }
    default:
      return std::nullopt;
  }
}

/// A class of digits.
std::string digits(int from, int to) {
  return from > to ? "" : "[" + std::to_string(from) + "-" + std::to_string(to) + "]";
}
std::string more_digits(size_t count) { return count == 0 ? "" : "[0-9]{" + std::to_string(count) + "}"; }
std::string up_to_digits(size_t count) { return count == 0 ? "" : "[0-9]{0," + std::to_string(count) + "}"; }

/// Numbers as they are written that may satisfy the test; whatever has an exponent may.
std::string number_expression(Op op, double bound) {
  const std::string exponent = "|[0-9.]+[eE]", any = "-?[0-9.]";
  if (!(std::abs(bound) < 1e15)) return any;
  std::string whole = std::to_string(static_cast<int64_t>(std::trunc(bound)));
  size_t n = whole.size();
  int lead = bound < 0 ? 0 : whole[0] - '0';
  switch (op) {
    case Op::kGt:
    case Op::kGte:
      if (bound < 1) return any;
      return "0*(?:" + digits(lead, 9) + more_digits(n - 1) + "|[1-9]" + more_digits(n) + ")" + exponent;
    case Op::kLt:
    case Op::kLte:
      if (bound < 0) return "-";
      return "-|0*(?:" + digits(0, lead) + more_digits(n - 1) + "|" + up_to_digits(n - 1) + ")[^0-9\\n]" +
             exponent;
    default:  // kEq
      if (bound < 1 || bound != std::trunc(bound)) return any;
      return "0*" + whole + "[^0-9\\n]" + exponent;
  }
}

/// In front of a value: its key, the colon and the quote, which numbers and bools lack.
std::optional<Lifted> key_expression(std::string_view path) {
  size_t dot = path.rfind('.');
  std::string_view key = dot == std::string_view::npos ? path : path.substr(dot + 1);
  auto lifted = lift_text(key, Raw::kJson);
  if (!lifted) return std::nullopt;
  lifted->pattern =
      (dot == std::string_view::npos ? "\"" : "[\".]") + lifted->pattern + "\"[ \\t\\r]*:[ \\t\\r]*";
  if (dot != std::string_view::npos) lifted->escapable.set('.');
  return lifted;
}

void need(Atom& atom, const Lifted& lifted) {
  atom.escapable |= lifted.escapable;
  atom.escapable_beyond_ascii |= lifted.escapable_beyond_ascii;
  atom.folds_beyond_ascii |= lifted.folds_beyond_ascii;
}

std::optional<Atom> number_atom(std::string_view path, const Test& test, double bound) {
  auto key = key_expression(path);
  if (!key) return std::nullopt;
  Atom atom;
  need(atom, *key);
  for (char c : std::string_view("0123456789.eE+-")) atom.escapable.set(static_cast<size_t>(c));
  std::string number = number_expression(test.op, bound);
  atom.expression = key->pattern + "\"?(?:" + number + ")";
  atom.strength = number.starts_with("-?") ? Atom::Strength::kWeak : Atom::Strength::kField;
  return atom;
}

}  // namespace

std::optional<Atom> atom_of_field(std::string_view path, const Test& test) {
  auto bound = number_of(test.operand);
  bool compares = test.op == Op::kGt || test.op == Op::kGte || test.op == Op::kLt || test.op == Op::kLte;
  if (bound && (compares || test.op == Op::kEq)) return number_atom(path, test, *bound);
  auto lifted = lift(test, Raw::kJson);
  if (!lifted) return std::nullopt;
  Atom atom;
  need(atom, *lifted);
  if (lifted->literal_run >= kLiteralRunMin && !lifted->may_be_empty) {
    atom.expression = std::move(lifted->literals);
    atom.strength = Atom::Strength::kText;
    return atom;
  }
  auto key = key_expression(path);
  if (!key) return std::nullopt;
  need(atom, *key);
  std::string before = lifted->anchored ? "" : "(?:[^\"\\x5c\\n]|\\x5c[^\\n])*";
  atom.expression = key->pattern + "\"?" + before + "(?:" + lifted->pattern + ")";
  if (!lifted->may_be_empty) atom.strength = Atom::Strength::kField;
  return atom;
}

std::optional<Atom> atom_of_text(const Test& test) {
  auto lifted = lift(test, Raw::kLine);
  if (!lifted || lifted->may_be_empty) return std::nullopt;
  if (test.op == Op::kEq && number_of(test.operand)) return std::nullopt;
  Atom atom;
  need(atom, *lifted);
  bool rare = lifted->literal_run >= kLiteralRunMin;
  atom.expression = std::move(rare ? lifted->literals : lifted->pattern);
  atom.strength = rare ? Atom::Strength::kText : Atom::Strength::kField;
  return atom;
}

}  // namespace waybill::watch
