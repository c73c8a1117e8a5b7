// waybill rules: unit tests of watches, and what each stage does with a line.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "cli/commands.h"
#include "cli/suggest.h"
#include "cli/watch_args.h"
#include "cli/watch_config.h"
#include "cli/watch_rules.h"
#include "watch/explain.h"
#include "watch/matcher.h"

namespace waybill::cli {
namespace {

using LineNumbers = std::set<int64_t>;

struct Case {
  std::string name;
  int line = 0;
  std::vector<std::string> input;
  std::map<std::string, LineNumbers> matches;  ///< by watch; a watch that is not named matches nothing
  std::optional<std::set<std::string>> alerts;
};

struct Outcome {
  std::map<std::string, LineNumbers> matches;
  std::set<std::string> alerts;
};

class CaseReader {
 public:
  CaseReader(ConfigFaults& faults, const WatchConfig& config) : faults_(faults) {
    for (const auto& definition : config.definitions) names_.push_back(definition.rule.name);
  }

  std::vector<Case> read(const YamlNode* node) {
    std::vector<Case> cases;
    if (!node || node->kind != YamlNode::Kind::kSequence || node->items.empty()) {
      faults_.found.push_back({node ? node->line : 1, node ? node->column : 1,
                               "tests must be a list such as [{name: a 503, input: ['{\"status\":503}'], "
                               "matches: {http-5xx: [1]}}]"});
      return cases;
    }
    for (size_t item : node->items) cases.push_back(one(faults_.document[item], cases.size() + 1));
    return cases;
  }

 private:
  Case one(const YamlNode& node, size_t number) {
    Section section(faults_, &node, "tests");
    Case out;
    out.name = fmt::format("test {}", number);
    out.line = node.line;
    section.text("name", out.name);
    if (const YamlNode* input = section.child("input"))
      lines(*input, out.input);
    else
      faults_.add(node, "tests: input is missing; a list of lines is needed");
    if (const YamlNode* matches = section.child("matches")) expected(*matches, out);
    if (section.child("alerts")) {
      std::vector<std::string> alerts;
      section.texts("alerts", alerts);
      for (const auto& name : alerts) known(*section.child("alerts"), name);
      out.alerts.emplace(alerts.begin(), alerts.end());
    }
    section.finish();
    return out;
  }

  void lines(const YamlNode& node, std::vector<std::string>& out) {
    if (node.kind == YamlNode::Kind::kSequence) {
      for (size_t item : node.items) out.push_back(faults_.document[item].text);
      return;
    }
    std::istringstream text(node.text);
    for (std::string line; std::getline(text, line);) out.push_back(line);
  }

  bool known(const YamlNode& at, const std::string& name) {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) return true;
    std::vector<std::string_view> names(names_.begin(), names_.end());
    faults_.add(at, fmt::format("tests: there is no watch \"{}\".{}", name, suggestion(name, names)));
    return false;
  }

  void expected(const YamlNode& node, Case& out) {
    if (node.kind != YamlNode::Kind::kMap)
      return faults_.add(node, "tests.matches must be a map such as {http-5xx: [1, 3]}");
    for (const auto& [key, value] : node.entries) {
      const YamlNode& name = faults_.document[key];
      if (!known(name, name.text)) continue;
      LineNumbers& numbers = out.matches[name.text];
      for (size_t item : faults_.document[value].items) {
        const YamlNode& number = faults_.document[item];
        char* end = nullptr;
        int64_t n = std::strtoll(number.text.c_str(), &end, 10);
        bool fine =
            !number.text.empty() && *end == '\0' && n >= 1 && n <= static_cast<int64_t>(out.input.size());
        if (fine)
          numbers.insert(n);
        else
          faults_.add(number, fmt::format("tests.matches: \"{}\" is no line of the input; 1 to {} are",
                                          number.text, out.input.size()));
      }
    }
  }

  ConfigFaults& faults_;
  std::vector<std::string> names_;
};

/// Counts as the engine does, all lines in one window.
class Evaluator : public watch::MatchSink {
 public:
  Evaluator(const WatchConfig& config, const watch::RuleSet& rules)
      : config_(config), rules_(rules), matcher_(rules) {}

  Outcome run(const Case& test) {
    outcome_ = {};
    counts_.clear();
    for (const auto& line : test.input) {
      ++line_;
      matcher_.match(line, 0, *this);
    }
    line_ = 0;
    return std::move(outcome_);
  }

  void matched(const watch::Match& match) override {
    const auto& definition = config_.definitions[match.rule];
    outcome_.matches[definition.rule.name].insert(line_);
    std::string by;
    for (uint32_t index : rules_.by_of(match.rule))
      by += std::string(match.fields ? match.fields->value(index).text : "") + '\x1f';
    if (++counts_[{match.rule, by}] == definition.threshold) outcome_.alerts.insert(definition.rule.name);
  }

 private:
  const WatchConfig& config_;
  const watch::RuleSet& rules_;
  watch::Matcher matcher_;
  std::map<std::pair<uint32_t, std::string>, int64_t> counts_;
  Outcome outcome_;
  int64_t line_ = 0;
};

/// Empty when they are equal.
std::string difference(const Case& test, const Outcome& got) {
  std::string out;
  std::set<std::string> names;
  for (const auto* side : {&test.matches, &got.matches}) {
    for (const auto& [name, numbers] : *side) names.insert(name);
  }
  auto numbers_of = [](const auto& map, const std::string& name) {
    auto at = map.find(name);
    return at == map.end() ? LineNumbers{} : at->second;
  };
  auto shown = [&](char sign, const std::string& name, int64_t n) {
    out += fmt::format("    {} {} line {}: {}\n", sign, name, n, test.input[static_cast<size_t>(n - 1)]);
  };
  for (const auto& name : names) {
    LineNumbers want = numbers_of(test.matches, name), have = numbers_of(got.matches, name);
    for (int64_t n : want) {
      if (!have.contains(n)) shown('-', name, n);
    }
    for (int64_t n : have) {
      if (!want.contains(n)) shown('+', name, n);
    }
  }
  if (test.alerts) {
    for (const auto& name : *test.alerts)
      out += got.alerts.contains(name) ? "" : fmt::format("    - alert {}\n", name);
    for (const auto& name : got.alerts)
      out += test.alerts->contains(name) ? "" : fmt::format("    + alert {}\n", name);
  }
  return out;
}

std::string xml(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
  }
  return out;
}

std::string junit(const std::string& file, const std::vector<std::pair<std::string, std::string>>& results) {
  auto failures =
      std::count_if(results.begin(), results.end(), [](const auto& r) { return !r.second.empty(); });
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">\n",
      xml(file), results.size(), failures);
  for (const auto& [name, diff] : results) {
    out += fmt::format("  <testcase name=\"{}\"", xml(name));
    out += diff.empty()
               ? "/>\n"
               : fmt::format("><failure message=\"matches differ\">{}</failure></testcase>\n", xml(diff));
  }
  return out + "</testsuite>\n";
}

int usage(std::string_view message) {
  fmt::print(stderr, "waybill: {}\n", message);
  return kExitUsage;
}

tl::expected<std::string, std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) return tl::make_unexpected(path + ": cannot be read");
  return text.str();
}

}  // namespace

int rules_test_command(const RulesArgs& args) {
  auto text = read_file(args.file);
  if (!text) return usage(text.error());
  auto document = parse_yaml(*text);
  if (!document) return usage(document.error().str(args.file));
  ConfigWorld world = real_world();
  ConfigFaults faults{*document, world.variable};
  Section file(faults, &(*document)[document->root], "");
  WatchConfig config;
  read_watches(faults, {file.child("watches"), nullptr, nullptr}, nullptr, config);
  std::vector<Case> cases = CaseReader(faults, config).read(file.child("tests"));
  file.finish();
  if (!faults.found.empty()) {
    for (const auto& fault : faults.found) fmt::print(stderr, "{}\n", fault.str(args.file));
    return kExitUsage;
  }
  std::vector<watch::Rule> rules;
  for (const auto& definition : config.definitions) rules.push_back(definition.rule);
  auto set = watch::RuleSet::compile(std::move(rules));
  if (!set) return usage(set.error().fault.message);
  Evaluator evaluator(config, **set);
  std::vector<std::pair<std::string, std::string>> results;
  size_t failed = 0;
  for (const auto& test : cases) {
    std::string diff = difference(test, evaluator.run(test));
    fmt::print("{} {}\n{}", diff.empty() ? "ok    " : "FAILED", test.name, diff);
    failed += !diff.empty();
    results.emplace_back(test.name, std::move(diff));
  }
  fmt::print("{} tests, {} failed{}\n", cases.size(), failed, failed ? " (- expected, + found)" : "");
  if (!args.junit.empty()) {
    std::ofstream out(args.junit, std::ios::binary);
    if (!(out << junit(args.file, results))) return usage(args.junit + ": cannot be written");
  }
  return failed ? kExitFindings : kExitFine;
}

int rules_explain_command(const RulesArgs& args) {
  std::string line = args.line;
  if (line == "-" && !std::getline(std::cin, line)) return usage("the standard input has no line");
  watch::Rule rule;
  if (!args.config.empty()) {
    auto config = load_watches(args.config, real_world());
    if (!config) return usage(config.error());
    auto at = std::find_if(config->definitions.begin(), config->definitions.end(),
                           [&](const WatchDefinition& d) { return d.rule.name == args.rule; });
    if (at == config->definitions.end())
      return usage(fmt::format("{}: there is no watch \"{}\"", args.config, args.rule));
    rule = at->rule;
  } else {
    auto condition = match_argument(args.rule);
    if (!condition) return usage("without -c the rule must be FIELD=PATTERN; " + condition.error().message);
    rule = {args.rule, std::move(*condition), {}};
  }
  std::vector<watch::Rule> rules;
  rules.push_back(std::move(rule));
  auto set = watch::RuleSet::compile(std::move(rules));
  if (!set) return usage(set.error().fault.message);
  watch::Explanation explanation = watch::explain(**set, 0, line);
  fmt::print("{}", explanation.text);
  return kExitFine;
}

}  // namespace waybill::cli
