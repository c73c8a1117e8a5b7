#pragma once
// The rules of one source, compiled: what the first stage looks for, and how the second one decides.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "watch/atom.h"
#include "watch/condition.h"
#include "watch/prefilter.h"
#include "watch/tester.h"

namespace waybill::watch {

inline constexpr size_t kRulesMax = 20'000;

struct Rule {
  std::string name;
  Condition where;
  std::vector<std::string> by;  ///< fields whose values are counted separately
};

/// Which rule cannot be compiled, and where.
struct RuleFault {
  size_t rule = 0;
  std::string operand;  ///< of the test that is wrong
  OperandFault fault;
};

/// Immutable after compile(); any thread. Matchers point into it.
class RuleSet {
 public:
  /// REQUIRES: at most kRulesMax.
  static tl::expected<std::unique_ptr<const RuleSet>, RuleFault> compile(std::vector<Rule> rules);

  const std::vector<Rule>& rules() const { return rules_; }
  /// Fields that rules ask for or count by: indexes of decode::JsonFields.
  const std::vector<std::string>& fields() const { return fields_; }
  /// Indexes of fields() that a rule names, those of its conditions first, each once.
  std::span<const uint32_t> fields_of(size_t rule) const { return rule_fields_[rule]; }
  std::span<const uint32_t> by_of(size_t rule) const { return rule_by_[rule]; }
  /// False when the rule looks at the whole line only: then it counts lines that are no JSON too.
  bool needs_json(size_t rule) const { return needs_json_[rule]; }

  /// A condition of a rule as a flat tree: node 0 is the root of rule 0, roots() has the others.
  struct Node {
    Condition::Kind kind = Condition::Kind::kAll;
    uint32_t field = 0;            ///< kField: index of fields()
    uint32_t tester = 0;           ///< kField, kText
    std::optional<uint32_t> atom;  ///< what finds it; nullopt = nothing does
    std::vector<uint32_t> parts;   ///< kAll, kAny, kNot
  };
  const Node& node(uint32_t index) const { return nodes_[index]; }
  uint32_t root(size_t rule) const { return roots_[rule]; }
  const Tester& tester(uint32_t index) const { return testers_[index]; }
  size_t atom_count() const { return atoms_.size(); }
  const Atom& atom(uint32_t index) const { return atoms_[index]; }

  // ---- for the first stage ----
  /// Both report indexes of atoms. Apart, because plain texts alone are scanned several times faster than
  /// among patterns.
  const Prefilter& literals() const { return *literal_scan_; }
  const Prefilter& patterns() const { return *pattern_scan_; }
  const Prefilter& escapes() const { return *escape_scan_; }  ///< reports EscapeId
  enum EscapeId : uint32_t { kAsciiEscape, kBeyondAsciiEscape, kFoldedLetter };
  bool wants_escapes() const { return !escape_scan_->empty(); }
  bool wants_folds() const { return !fold_rules_.empty(); }

  std::span<const uint32_t> rules_of_atom(uint32_t atom) const { return atom_rules_[atom]; }
  std::span<const uint32_t> rules_of_escape(unsigned char c) const { return escape_rules_[c]; }
  std::span<const uint32_t> rules_beyond_ascii() const { return beyond_rules_; }
  std::span<const uint32_t> rules_of_folds() const { return fold_rules_; }
  /// Rules that nothing in the raw bytes finds: every line is their candidate.
  std::span<const uint32_t> unfiltered() const { return unfiltered_; }
  /// What of a rule Hyperscan refused or was not given; for people. Empty = all is prefiltered.
  const std::vector<std::string>& notes_of(size_t rule) const { return notes_[rule]; }

 private:
  friend class RuleCompiler;
  RuleSet() = default;
  std::vector<Rule> rules_;
  std::vector<std::string> fields_;
  std::vector<std::vector<uint32_t>> rule_fields_, rule_by_;
  std::vector<bool> needs_json_;
  std::vector<Node> nodes_;
  std::vector<uint32_t> roots_;
  std::vector<Tester> testers_;
  std::vector<Atom> atoms_;
  std::unique_ptr<Prefilter> literal_scan_, pattern_scan_, escape_scan_;
  std::vector<std::vector<uint32_t>> atom_rules_;
  std::array<std::vector<uint32_t>, 128> escape_rules_;
  std::vector<uint32_t> beyond_rules_, fold_rules_, unfiltered_;
  std::vector<std::vector<std::string>> notes_;
};

}  // namespace waybill::watch
