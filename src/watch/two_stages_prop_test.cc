// The two-stage match equals parsing every line and asking RE2 about the field.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <re2/re2.h>

#include <set>

#include "watch/matcher.h"
#include "watch/watch_random.h"

namespace waybill::watch {
namespace {

using Found = std::set<std::pair<size_t, uint32_t>>;  // offset of the line, rule

bool asks_fields(const Condition& condition) {
  if (condition.kind == Condition::Kind::kField) return true;
  return std::any_of(condition.parts.begin(), condition.parts.end(), asks_fields);
}

/// The plain way: nothing but the condition, the parsed line and RE2.
bool plainly(const Condition& condition, std::string_view line) {
  auto part = [line](const Condition& c) { return plainly(c, line); };
  auto answer = [&](std::string_view text) {
    if (condition.test.op != Test::Op::kPattern) return Tester(condition.test).text(text);
    return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), RE2(condition.test.operand));
  };
  switch (condition.kind) {
    case Condition::Kind::kAll:
      return std::all_of(condition.parts.begin(), condition.parts.end(), part);
    case Condition::Kind::kAny:
      return std::any_of(condition.parts.begin(), condition.parts.end(), part);
    case Condition::Kind::kNot:
      return !part(condition.parts[0]);
    case Condition::Kind::kText:
      return answer(line);
    case Condition::Kind::kField:
      break;
  }
  decode::JsonFields fields(std::span(&condition.field, 1));
  fields.parse(line);
  auto value = fields.value(0);
  if (condition.test.op == Test::Op::kExists) return Tester(condition.test).field(value);
  return value.has_text() && answer(value.text);
}

Found plainly(const std::vector<Rule>& rules, const std::vector<std::string>& lines) {
  Found found;
  size_t offset = 0;
  for (const auto& line : lines) {
    decode::JsonFields fields({});
    bool is_object = fields.parse(line) == decode::LineState::kObject;
    for (uint32_t rule = 0; rule < rules.size(); ++rule) {
      if (!is_object && asks_fields(rules[rule].where)) continue;
      if (plainly(rules[rule].where, line)) found.emplace(offset, rule);
    }
    offset += line.size() + 1;
  }
  return found;
}

struct Gather : MatchSink {
  Found found;
  size_t times = 0;
  void matched(const Match& match) override {
    found.emplace(match.offset, match.rule);
    ++times;
  }
};

size_t hits = 0, misses = 0;

void compare(uint64_t seed) {
  Random random(seed);
  std::vector<Rule> rules;
  for (size_t n = 1 + random.below(6); n > 0; --n)
    rules.push_back({"r" + std::to_string(n), random_condition(random), {}});
  std::vector<std::string> lines;
  std::string block;
  for (size_t n = random.below(40); n > 0; --n) {
    lines.push_back(random_line(random));
    block += lines.back() + "\n";
  }
  if (!block.empty() && random.chance(2)) block.pop_back();
  size_t size = block.size();
  block.append(decode::kJsonPadding, '\0');
  auto set = RuleSet::compile(rules);
  RC_ASSERT(set.has_value());
  Matcher matcher(**set);
  Gather got;
  ScanCounts counts = matcher.scan(std::string_view(block).substr(0, size), decode::kJsonPadding, got);
  Found want = plainly(rules, lines);
  if (got.found != want) {
    for (auto [offset, rule] : want) {
      if (!got.found.contains({offset, rule}))
        RC_LOG() << "missed by rule " << rule << ": " << std::string_view(block).substr(offset, 400);
    }
    for (const auto& rule : rules) RC_LOG() << "\n" << rule.where.test.operand << " in " << rule.where.field;
  }
  RC_ASSERT(got.found == want);
  RC_ASSERT(got.times == want.size());
  bool cut = !lines.empty() && lines.back().empty() &&
             block[size - 1] != '\n';  // an empty last line without its newline
  RC_ASSERT(counts.lines == static_cast<int64_t>(lines.size()) - (cut ? 1 : 0) || size == 0);
  hits += want.size();
  misses += lines.size() * rules.size() - want.size();
}

TEST(TwoStages, FindWhatParsingEveryLineFinds) {
  EXPECT_TRUE(rc::check("two stages equal one", [] {
    auto seed = *rc::gen::arbitrary<uint64_t>();
    for (uint64_t i = 0; i < 4; ++i) compare(seed * 64 + i);
  }));
  EXPECT_GT(hits, 500u);
  EXPECT_GT(misses, 1'000u);
}

}  // namespace
}  // namespace waybill::watch
