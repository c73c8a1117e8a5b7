#include "watch/rule_set.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <bitset>

#include "base/assert.h"

namespace waybill::watch {

/// Fills a RuleSet; one per compile().
class RuleCompiler {
 public:
  explicit RuleCompiler(RuleSet& set) : set_(set) {}

  std::optional<RuleFault> add(size_t rule) {
    const Rule& source = set_.rules_[rule];
    set_.rule_fields_.emplace_back();
    set_.rule_by_.emplace_back();
    set_.notes_.emplace_back();
    set_.needs_json_.push_back(false);
    auto root = node(rule, source.where);
    if (!root) return RuleFault{rule, fault_operand_, *fault_};
    set_.roots_.push_back(*root);
    for (const auto& path : source.by) {
      uint32_t index = field(path);
      set_.rule_by_.back().push_back(index);
      remember(rule, index);
    }
    return std::nullopt;
  }

  /// After the last rule: which atoms are looked for, and which rules they wake.
  void finish() {
    for (size_t rule = 0; rule < set_.rules_.size(); ++rule) prune(set_.roots_[rule]);
    scan_atoms();
    set_.atom_rules_.resize(set_.atoms_.size());
    for (size_t rule = 0; rule < set_.rules_.size(); ++rule) wire(static_cast<uint32_t>(rule));
    scan_escapes();
  }

 private:
  using Kind = Condition::Kind;
  using Strength = Atom::Strength;

  uint32_t field(const std::string& path) {
    auto [at, is_new] = field_index_.try_emplace(path, static_cast<uint32_t>(set_.fields_.size()));
    if (is_new) set_.fields_.push_back(path);
    return at->second;
  }

  void remember(size_t rule, uint32_t index) {
    auto& known = set_.rule_fields_[rule];
    if (std::find(known.begin(), known.end(), index) == known.end()) known.push_back(index);
  }

  std::optional<uint32_t> node(size_t rule, const Condition& condition) {
    auto index = static_cast<uint32_t>(set_.nodes_.size());
    set_.nodes_.emplace_back();
    RuleSet::Node out;
    out.kind = condition.kind;
    if (condition.kind == Kind::kField || condition.kind == Kind::kText) {
      if (auto fault = check_test(condition.test)) {
        fault_ = std::move(fault);
        fault_operand_ = condition.test.operand;
        return std::nullopt;
      }
      bool is_field = condition.kind == Kind::kField;
      if (is_field) {
        out.field = field(condition.field);
        remember(rule, out.field);
        set_.needs_json_[rule] = true;
      }
      out.tester = tester(condition.test);
      auto atom = is_field ? atom_of_field(condition.field, condition.test) : atom_of_text(condition.test);
      if (atom)
        out.atom = intern(std::move(*atom));
      else
        set_.notes_[rule].push_back("\"" + condition.test.operand +
                                    "\" has no raw form that can be looked for");
    }
    for (const auto& part : condition.parts) {
      auto below = node(rule, part);
      if (!below) return std::nullopt;
      out.parts.push_back(*below);
    }
    set_.nodes_[index] = std::move(out);
    return index;
  }

  uint32_t tester(const Test& test) {
    std::string key = std::to_string(static_cast<int>(test.op)) + "\n" + test.operand;
    auto [at, is_new] =
        tester_index_.try_emplace(std::move(key), static_cast<uint32_t>(set_.testers_.size()));
    if (is_new) set_.testers_.emplace_back(test);
    return at->second;
  }

  uint32_t intern(Atom atom) {
    auto [at, is_new] = atom_index_.try_emplace(atom.expression, static_cast<uint32_t>(set_.atoms_.size()));
    if (is_new) {
      set_.atoms_.push_back(std::move(atom));
    } else {  // the same bytes from another test: whoever asks is woken by the escapes of both
      Atom& known = set_.atoms_[at->second];
      known.escapable |= atom.escapable;
      known.escapable_beyond_ascii |= atom.escapable_beyond_ascii;
      known.folds_beyond_ascii |= atom.folds_beyond_ascii;
    }
    return at->second;
  }

  /// How good the finders of a node are; nullopt = every line is a candidate. Of several that must hold only
  /// the best are kept.
  std::optional<Strength> prune(uint32_t index) {
    RuleSet::Node& node = set_.nodes_[index];
    switch (node.kind) {
      case Kind::kField:
      case Kind::kText:
        if (!node.atom) return std::nullopt;
        return set_.atoms_[*node.atom].strength;
      case Kind::kNot:
        drop(node.parts[0]);
        return std::nullopt;
      case Kind::kAny: {
        std::optional<Strength> worst = Strength::kText;
        for (uint32_t part : node.parts) {
          auto strength = prune(part);
          worst = worst && strength ? std::optional(std::min(*worst, *strength)) : std::nullopt;
        }
        if (!worst) drop(index);
        return worst;
      }
      case Kind::kAll: {
        std::optional<Strength> best;
        std::vector<std::optional<Strength>> strengths;
        for (uint32_t part : node.parts) {
          strengths.push_back(prune(part));
          if (strengths.back() && (!best || *strengths.back() > *best)) best = strengths.back();
        }
        for (size_t i = 0; i < node.parts.size(); ++i) {
          if (strengths[i] != best) drop(node.parts[i]);
        }
        return best;
      }
    }
    return std::nullopt;
  }

  void drop(uint32_t index) {
    RuleSet::Node& node = set_.nodes_[index];
    node.atom.reset();
    for (uint32_t part : node.parts) drop(part);
  }

  void scan_atoms() {
    std::vector<bool> used(set_.atoms_.size());
    for (const auto& node : set_.nodes_) {
      if (node.atom) used[*node.atom] = true;
    }
    std::vector<Prefilter::Expression> literals, patterns;
    for (uint32_t i = 0; i < set_.atoms_.size(); ++i) {
      if (!used[i]) continue;
      auto& kind = set_.atoms_[i].strength == Strength::kText ? literals : patterns;
      kind.push_back({set_.atoms_[i].expression, i});
    }
    set_.literal_scan_ = std::make_unique<Prefilter>(literals);
    set_.pattern_scan_ = std::make_unique<Prefilter>(patterns);
    absl::flat_hash_map<uint32_t, const std::string*> refused;
    for (const auto* scan : {&set_.literals(), &set_.patterns()}) {
      for (const auto& one : scan->refused()) refused.emplace(one.id, &one.reason);
    }
    if (refused.empty()) return;
    for (size_t rule = 0; rule < set_.rules_.size(); ++rule) forget_refused(rule, set_.roots_[rule], refused);
  }

  void forget_refused(size_t rule, uint32_t index,
                      const absl::flat_hash_map<uint32_t, const std::string*>& refused) {
    RuleSet::Node& node = set_.nodes_[index];
    if (auto at = node.atom ? refused.find(*node.atom) : refused.end(); at != refused.end()) {
      set_.notes_[rule].push_back("Hyperscan refuses " + set_.atoms_[*node.atom].expression + ": " +
                                  *at->second);
      node.atom.reset();
    }
    for (uint32_t part : node.parts) forget_refused(rule, part, refused);
  }

  /// True when some atom must be found, or an escape, before the node can hold.
  bool filtered(uint32_t index) const {
    const RuleSet::Node& node = set_.nodes_[index];
    auto part_is = [this](uint32_t part) { return filtered(part); };
    switch (node.kind) {
      case Kind::kAll:
        return std::any_of(node.parts.begin(), node.parts.end(), part_is);
      case Kind::kAny:
        return std::all_of(node.parts.begin(), node.parts.end(), part_is);
      default:
        return node.atom.has_value();
    }
  }

  void wire(uint32_t rule) {
    if (!filtered(set_.roots_[rule])) {
      set_.unfiltered_.push_back(rule);
      return;
    }
    Atom needs;
    gather(set_.roots_[rule], rule, needs);
    for (size_t c = 0; c < 128; ++c) {
      if (needs.escapable[c]) set_.escape_rules_[c].push_back(rule);
    }
    if (needs.escapable_beyond_ascii) set_.beyond_rules_.push_back(rule);
    if (needs.folds_beyond_ascii) set_.fold_rules_.push_back(rule);
  }

  void gather(uint32_t index, uint32_t rule, Atom& needs) {
    const RuleSet::Node& node = set_.nodes_[index];
    if (node.atom) {
      const Atom& atom = set_.atoms_[*node.atom];
      auto& rules = set_.atom_rules_[*node.atom];
      if (rules.empty() || rules.back() != rule) rules.push_back(rule);
      needs.escapable |= atom.escapable;
      needs.escapable_beyond_ascii |= atom.escapable_beyond_ascii;
      needs.folds_beyond_ascii |= atom.folds_beyond_ascii;
    }
    for (uint32_t part : node.parts) gather(part, rule, needs);
  }

  void scan_escapes() {
    bool ascii = std::any_of(set_.escape_rules_.begin(), set_.escape_rules_.end(),
                             [](const auto& r) { return !r.empty(); });
    std::vector<Prefilter::Expression> expressions;
    if (ascii) expressions.push_back({"\\x5cu00[0-7][0-9a-fA-F]", RuleSet::kAsciiEscape});
    if (!set_.beyond_rules_.empty()) {
      expressions.push_back({"\\x5cu(?:00[89a-fA-F]|0[1-9a-fA-F]|[1-9a-fA-F])", RuleSet::kBeyondAsciiEscape});
    }
    if (!set_.fold_rules_.empty()) {
      expressions.push_back({"\\xe2\\x84\\xaa|\\xc5\\xbf|\\x5cu(?:212[aA]|017[fF])", RuleSet::kFoldedLetter});
    }
    set_.escape_scan_ = std::make_unique<Prefilter>(expressions);
    ASSERT(set_.escape_scan_->refused().empty());
  }

  RuleSet& set_;
  absl::flat_hash_map<std::string, uint32_t> field_index_, tester_index_, atom_index_;
  std::optional<OperandFault> fault_;
  std::string fault_operand_;
};

tl::expected<std::unique_ptr<const RuleSet>, RuleFault> RuleSet::compile(std::vector<Rule> rules) {
  ASSERT(rules.size() <= kRulesMax);
  std::unique_ptr<RuleSet> set(new RuleSet);
  set->rules_ = std::move(rules);
  RuleCompiler compiler(*set);
  for (size_t i = 0; i < set->rules_.size(); ++i) {
    if (auto fault = compiler.add(i)) return tl::make_unexpected(std::move(*fault));
  }
  compiler.finish();
  return set;
}

}  // namespace waybill::watch
