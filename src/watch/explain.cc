#include "watch/explain.h"

#include "base/utf8.h"
#include "watch/matcher.h"

namespace waybill::watch {
namespace {

struct Seen : MatchSink {
  bool matched_any = false;
  void matched(const Match&) override { matched_any = true; }
};

std::string_view name_of(Test::Op op) {
  constexpr std::string_view kNames[] = {"matches",
                                         "contains",
                                         "contains the word",
                                         "begins with",
                                         "ends with",
                                         "equals",
                                         "differs from",
                                         ">",
                                         ">=",
                                         "<",
                                         "<=",
                                         "exists"};
  return kNames[static_cast<size_t>(op)];
}

std::string_view kind_of(const decode::FieldValue& value) {
  constexpr std::string_view kNames[] = {"absent", "text", "number", "bool", "null", "an object", "a list"};
  return kNames[static_cast<size_t>(value.kind)];
}

std::string shown(std::string_view text) {
  constexpr size_t kShownMax = 200;
  std::string out = to_utf8(text.substr(0, kShownMax));
  return "\"" + out + (text.size() > kShownMax ? "\"..." : "\"");
}

class Explainer {
 public:
  Explainer(const RuleSet& rules, std::string_view line)
      : rules_(rules), line_(line), fields_(rules.fields()) {
    is_object_ = fields_.parse(line) == decode::LineState::kObject;
  }

  bool object() const { return is_object_; }
  std::string out;

  void scan(uint32_t index) {
    const auto& node = rules_.node(index);
    if (node.atom) {
      const Atom& atom = rules_.atom(*node.atom);
      Prefilter::Expression expression{atom.expression, 0};
      Prefilter one(std::span(&expression, 1));
      Scratch scratch = one.scratch();
      size_t found = 0;
      one.scan(line_, scratch, [&](uint64_t to, uint32_t) { found = found ? found : to; });
      out += "  " + atom.expression +
             (found ? "  found, ends at byte " + std::to_string(found) : "  not found") + "\n";
    }
    for (uint32_t part : node.parts) scan(part);
  }

  bool test(uint32_t index, int depth) {
    const auto& node = rules_.node(index);
    std::string indent(static_cast<size_t>(depth) * 2 + 2, ' ');
    bool holds = false;
    switch (node.kind) {
      case Condition::Kind::kField:
      case Condition::Kind::kText: {
        const Test& test = rules_.tester(node.tester).test();
        bool is_field = node.kind == Condition::Kind::kField;
        auto value =
            is_field ? fields_.value(node.field) : decode::FieldValue{decode::FieldValue::Kind::kText, line_};
        holds = is_field ? rules_.tester(node.tester).field(value) : rules_.tester(node.tester).text(line_);
        out += indent + (is_field ? rules_.fields()[node.field] : "the whole line") + " " +
               std::string(name_of(test.op)) + " " +
               (test.op == Test::Op::kExists ? "" : test.operand + " ") + "-> " + (holds ? "yes" : "no") +
               (is_field ? ": it is " + std::string(kind_of(value)) +
                               (value.has_text() ? " " + shown(value.text) : "")
                         : "") +
               "\n";
        return holds;
      }
      case Condition::Kind::kNot:
        out += indent + "not:\n";
        return !test(node.parts[0], depth + 1);
      case Condition::Kind::kAll:
      case Condition::Kind::kAny:
        holds = node.kind == Condition::Kind::kAll;
        out += indent + (holds ? "all of:\n" : "any of:\n");
        for (uint32_t part : node.parts) {
          bool one = test(part, depth + 1);
          holds = node.kind == Condition::Kind::kAll ? holds && one : holds || one;
        }
        return holds;
    }
    return holds;
  }

 private:
  const RuleSet& rules_;
  std::string_view line_;
  decode::JsonFields fields_;
  bool is_object_ = false;
};

}  // namespace

Explanation explain(const RuleSet& rules, size_t rule, std::string_view line) {
  Matcher matcher(rules);
  Seen seen;
  ScanCounts counts = matcher.scan(line, 0, seen);
  Explainer explainer(rules, line);
  explainer.out = "stage 1, Hyperscan over the raw bytes:\n";
  size_t before = explainer.out.size();
  explainer.scan(rules.root(rule));
  if (explainer.out.size() == before) explainer.out += "  nothing to look for: every line is a candidate\n";
  for (const auto& note : rules.notes_of(rule)) explainer.out += "  " + note + "\n";
  explainer.out +=
      std::string("  the line is ") + (seen.matched_any || counts.parsed > 0 ? "" : "not ") + "a candidate\n";
  explainer.out += std::string("stage 2, simdjson and RE2:\n  the line is ") +
                   (explainer.object() ? "" : "not ") + "a JSON object\n";
  explainer.test(rules.root(rule), 0);
  Explanation result;
  result.matched = seen.matched_any;
  explainer.out += result.matched ? "result: a match\n" : "result: no match\n";
  result.text = std::move(explainer.out);
  return result;
}

}  // namespace waybill::watch
