#include "cli/watch_rules.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "cli/suggest.h"

namespace waybill::cli {
namespace {

using watch::Condition;
using watch::Test;

constexpr int kNestingMax = 16;
constexpr size_t kTestsMax = 1'000;

constexpr std::array<std::pair<std::string_view, Test::Op>, 12> kOps = {{{"pattern", Test::Op::kPattern},
                                                                         {"contains", Test::Op::kContains},
                                                                         {"word", Test::Op::kWord},
                                                                         {"prefix", Test::Op::kPrefix},
                                                                         {"suffix", Test::Op::kSuffix},
                                                                         {"eq", Test::Op::kEq},
                                                                         {"ne", Test::Op::kNe},
                                                                         {"gt", Test::Op::kGt},
                                                                         {"gte", Test::Op::kGte},
                                                                         {"lt", Test::Op::kLt},
                                                                         {"lte", Test::Op::kLte},
                                                                         {"exists", Test::Op::kExists}}};

/// Reads one `where` or `text`. Patterns are taken as they are written: no variables, so that $ stays $.
class RuleReader {
 public:
  explicit RuleReader(ConfigFaults& faults) : faults_(faults) {}

  std::optional<Condition> where(const YamlNode& node, const std::string& path, int depth) {
    if (node.kind != YamlNode::Kind::kMap || node.entries.empty()) {
      return wrong(node, path + " must be a map such as {status: '5\\d{2}'}");
    }
    if (depth > kNestingMax) return wrong(node, path + " is nested too deeply");
    std::vector<Condition> parts;
    for (const auto& [key, value] : node.entries) {
      const std::string& name = faults_.document[key].text;
      auto part = entry(name, faults_.document[value], path + "." + name, depth);
      if (!part) return std::nullopt;
      parts.push_back(std::move(*part));
    }
    return joined(std::move(parts), Condition::Kind::kAll);
  }

  /// A test on a field, or on the whole message when `field` is null.
  std::optional<Condition> test(const std::string* field, const YamlNode& node, const std::string& path) {
    if (node.kind == YamlNode::Kind::kScalar) return leaf(field, Test::Op::kPattern, node, path);
    std::vector<Condition> parts;
    if (node.kind == YamlNode::Kind::kSequence && !node.items.empty()) {
      for (size_t item : node.items) {
        auto part = test(field, faults_.document[item], path);
        if (!part) return std::nullopt;
        parts.push_back(std::move(*part));
      }
      return joined(std::move(parts), Condition::Kind::kAny);
    }
    if (node.kind != YamlNode::Kind::kMap || node.entries.empty()) {
      return wrong(
          node, path + " must be a pattern, a list of them, or a map such as {contains: text} or {gte: 500}");
    }
    for (const auto& [key, value] : node.entries) {
      auto part = operation(field, faults_.document[key], faults_.document[value], path);
      if (!part) return std::nullopt;
      parts.push_back(std::move(*part));
    }
    return joined(std::move(parts), Condition::Kind::kAll);
  }

 private:
  std::nullopt_t wrong(const YamlNode& node, std::string message) {
    faults_.add(node, std::move(message));
    return std::nullopt;
  }

  static Condition joined(std::vector<Condition> parts, Condition::Kind kind) {
    if (parts.size() == 1) return std::move(parts[0]);
    return kind == Condition::Kind::kAll ? Condition::all(std::move(parts))
                                         : Condition::any(std::move(parts));
  }

  std::optional<Condition> entry(const std::string& name, const YamlNode& node, const std::string& path,
                                 int depth) {
    if (name == "not") {
      auto part = where(node, path, depth + 1);
      if (!part) return std::nullopt;
      return Condition::negated(std::move(*part));
    }
    if (name != "any" && name != "all") return test(&name, node, path);
    auto kind = name == "any" ? Condition::Kind::kAny : Condition::Kind::kAll;
    std::vector<Condition> parts;
    if (node.kind == YamlNode::Kind::kSequence && !node.items.empty()) {
      for (size_t item : node.items) {
        auto part = where(faults_.document[item], path, depth + 1);
        if (!part) return std::nullopt;
        parts.push_back(std::move(*part));
      }
    } else if (node.kind == YamlNode::Kind::kMap && !node.entries.empty()) {
      for (const auto& [key, value] : node.entries) {
        const std::string& field = faults_.document[key].text;
        auto part = entry(field, faults_.document[value], path + "." + field, depth + 1);
        if (!part) return std::nullopt;
        parts.push_back(std::move(*part));
      }
    } else {
      return wrong(node,
                   path + " must be a list such as [{status: '5\\d{2}'}, {message: timeout}], or a map");
    }
    return joined(std::move(parts), kind);
  }

  std::optional<Condition> operation(const std::string* field, const YamlNode& key, const YamlNode& value,
                                     const std::string& path) {
    if (key.text == "in") {
      if (value.kind != YamlNode::Kind::kSequence || value.items.empty())
        return wrong(value, path + ".in must be a list of values");
      std::vector<Condition> parts;
      for (size_t item : value.items) {
        auto part = leaf(field, Test::Op::kEq, faults_.document[item], path + ".in");
        if (!part) return std::nullopt;
        parts.push_back(std::move(*part));
      }
      return joined(std::move(parts), Condition::Kind::kAny);
    }
    for (const auto& [name, op] : kOps) {
      if (name == key.text) return leaf(field, op, value, path + "." + key.text);
    }
    std::vector<std::string_view> names = {"in"};
    for (const auto& [name, op] : kOps) names.push_back(name);
    return wrong(key, fmt::format("{}: \"{}\" is no test.{} Allowed: {}", path, key.text,
                                  suggestion(key.text, names), fmt::join(names, ", ")));
  }

  std::optional<Condition> leaf(const std::string* field, Test::Op op, const YamlNode& node,
                                const std::string& path) {
    if (node.kind != YamlNode::Kind::kScalar) return wrong(node, path + " must be a single value");
    if (++tests_ > kTestsMax)
      return wrong(node, fmt::format("{}: more than {} tests in one rule", path, kTestsMax));
    if (op == Test::Op::kExists) return exists(field, node, path);
    Test test{op, node.text};
    if (auto fault = check_test(test)) return wrong(node, path + ": " + fault->message);
    return field ? Condition::of_field(*field, std::move(test)) : Condition::of_text(std::move(test));
  }

  std::optional<Condition> exists(const std::string* field, const YamlNode& node, const std::string& path) {
    if (!field) return wrong(node, path + ": the whole message is always there");
    if (node.text != "true" && node.text != "false") return wrong(node, path + ": true or false is allowed");
    Condition there = Condition::of_field(*field, {Test::Op::kExists, {}});
    return node.text == "true" ? std::move(there) : Condition::negated(std::move(there));
  }

  ConfigFaults& faults_;
  size_t tests_ = 0;
};

Result<Test> checked_pattern(std::string_view what, std::string_view pattern) {
  Test test{Test::Op::kPattern, std::string(pattern)};
  if (auto fault = check_test(test)) return fail(Errc::kInvalid, fmt::format("{}: {}", what, fault->message));
  return test;
}

}  // namespace

std::optional<Condition> read_where(ConfigFaults& faults, const YamlNode& node, const std::string& path) {
  return RuleReader(faults).where(node, path, 0);
}

std::optional<Condition> read_text_rule(ConfigFaults& faults, const YamlNode& node, const std::string& path) {
  return RuleReader(faults).test(nullptr, node, path);
}

Result<Condition> match_argument(std::string_view argument) {
  size_t equals = argument.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return fail(
        Errc::kInvalid,
        fmt::format("--match {}: FIELD=PATTERN is needed, e.g. --match 'status=5\\d{{2}}'", argument));
  }
  auto test = checked_pattern(fmt::format("--match {}", argument), argument.substr(equals + 1));
  if (!test) return tl::make_unexpected(std::move(test.error()));
  return Condition::of_field(std::string(argument.substr(0, equals)), std::move(*test));
}

Result<Condition> text_argument(std::string_view pattern) {
  auto test = checked_pattern(fmt::format("--text {}", pattern), pattern);
  if (!test) return tl::make_unexpected(std::move(test.error()));
  return Condition::of_text(std::move(*test));
}

}  // namespace waybill::cli
