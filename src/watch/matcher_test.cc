#include "watch/matcher.h"

#include <gtest/gtest.h>

#include <map>

namespace waybill::watch {
namespace {

using Op = Test::Op;

Rule field_rule(std::string path, Test test) {
  return {"rule", Condition::of_field(std::move(path), std::move(test)), {}};
}

struct Lines : MatchSink {
  std::vector<std::pair<uint32_t, std::string>> found;
  void matched(const Match& match) override { found.emplace_back(match.rule, match.line); }
};

std::unique_ptr<const RuleSet> compiled(std::vector<Rule> rules) {
  auto set = RuleSet::compile(std::move(rules));
  EXPECT_TRUE(set.has_value());
  return std::move(*set);
}

/// Whether one rule matches one line, by both stages and by the second alone.
bool matches(const Rule& rule, std::string_view line) {
  auto set = compiled({rule});
  Matcher matcher(*set);
  Lines both, second;
  matcher.scan(line, 0, both);
  matcher.match(line, 0, second);
  EXPECT_EQ(both.found, second.found) << line;
  return !both.found.empty();
}

TEST(Matcher, AHitInAnotherFieldOrInEscapedTextIsNoMatch) {
  Rule rule = field_rule("status", {Op::kPattern, "5\\d{2}"});
  EXPECT_TRUE(matches(rule, R"({"status":"503"})"));
  EXPECT_TRUE(matches(rule, R"({"status":503})"));
  EXPECT_TRUE(matches(rule, R"({ "status" : "HTTP 503 x" })"));
  EXPECT_TRUE(matches(rule, R"({"status":"\u0035\u00303"})"));
  EXPECT_TRUE(matches(rule, R"({"\u0073tatus":"503"})"));
  EXPECT_FALSE(matches(rule, R"({"status":"200","uri":"/?status=503"})"));
  EXPECT_FALSE(matches(rule, R"({"status":"200","m":"{\"status\":\"503\"}"})"));
  EXPECT_FALSE(matches(rule, R"({"status":"200","x":{"status":"503"}})"));
  EXPECT_FALSE(matches(rule, R"({"status":["503"]})"));
  EXPECT_FALSE(matches(rule, R"({"status":{"a":"503"}})"));
  EXPECT_FALSE(matches(rule, R"({"status":"503","status":"200"})"));
  EXPECT_FALSE(matches(rule, R"({"status":"503")"));
}

TEST(Matcher, EveryTestSaysWhatItsNameSays) {
  auto is = [](Op op, std::string operand, std::string value) {
    return matches(field_rule("a", {op, std::move(operand)}), "{\"a\":" + value + "}");
  };
  EXPECT_TRUE(is(Op::kContains, "a/b", R"("x a\/b y")"));
  EXPECT_FALSE(is(Op::kContains, "a.b", R"("x a/b y")"));
  EXPECT_TRUE(is(Op::kWord, "oom", R"("an oom-kill")"));
  EXPECT_FALSE(is(Op::kWord, "oom", R"("in the room")"));
  EXPECT_TRUE(is(Op::kPrefix, "up", R"("upstream")"));
  EXPECT_FALSE(is(Op::kPrefix, "stream", R"("upstream")"));
  EXPECT_TRUE(is(Op::kSuffix, "stream", R"("upstream")"));
  EXPECT_TRUE(is(Op::kEq, "500", "500.0"));
  EXPECT_TRUE(is(Op::kEq, "500", "\"500\""));
  EXPECT_FALSE(is(Op::kEq, "500", "5000"));
  EXPECT_TRUE(is(Op::kEq, "true", "true"));
  EXPECT_TRUE(is(Op::kNe, "500", "501"));
  EXPECT_FALSE(is(Op::kNe, "500", "null"));
  EXPECT_TRUE(is(Op::kGte, "500", "500"));
  EXPECT_TRUE(is(Op::kGte, "500", "5e2"));
  EXPECT_TRUE(is(Op::kGte, "500", "\"1000\""));
  EXPECT_FALSE(is(Op::kGte, "500", "499.9"));
  EXPECT_FALSE(is(Op::kGte, "500", "\"a lot\""));
  EXPECT_TRUE(is(Op::kGt, "0.9", "0.91"));
  EXPECT_TRUE(is(Op::kLt, "10", "-3"));
  EXPECT_TRUE(is(Op::kLte, "10", "10"));
  EXPECT_FALSE(is(Op::kLt, "10", "10"));
  EXPECT_TRUE(is(Op::kExists, "", "{}"));
  EXPECT_FALSE(is(Op::kExists, "", "null"));
}

TEST(Matcher, AndMeansAndOrMeansOrAndNotNegates) {
  Condition status = Condition::of_field("status", {Op::kGte, "500"}),
            host = Condition::of_field("host", {Op::kPattern, "^db"});
  Rule both{"both", Condition::all({status, host}), {}}, either{"either", Condition::any({status, host}), {}};
  Rule without{"without", Condition::all({status, Condition::negated(host)}), {}};
  const std::string db = R"({"status":503,"host":"db1"})", web = R"({"host":"web1","status":503})",
                    fine = R"({"status":200,"host":"db1"})";
  EXPECT_TRUE(matches(both, db));
  EXPECT_FALSE(matches(both, web));
  EXPECT_FALSE(matches(both, fine));
  EXPECT_TRUE(matches(either, db) && matches(either, web) && matches(either, fine));
  EXPECT_TRUE(matches(without, web));
  EXPECT_FALSE(matches(without, db));
  EXPECT_TRUE(matches(without, R"({"status":503})"));
  EXPECT_FALSE(matches(without, "no JSON, status 503"));
}

TEST(Matcher, TheWholeTextIsMatchedAsItIsAlsoWhenItIsNoJson) {
  Rule rule{"text", Condition::of_text({Op::kPattern, "timed out$"}), {}};
  EXPECT_TRUE(matches(rule, "upstream timed out"));
  EXPECT_FALSE(matches(rule, "upstream timed out."));
  EXPECT_TRUE(matches({"text", Condition::of_text({Op::kPattern, "\\xff|caf."}), {}}, "\xff caf\xc3\xa9"));
}

TEST(Matcher, CountsLinesAndWhatIsMalformedOfThoseItHadToParse) {
  auto set = compiled({field_rule("status", {Op::kPattern, "503"})});
  Matcher matcher(*set);
  Lines lines;
  ScanCounts counts =
      matcher.scan("{\"status\":\"503\"}\n\n{\"status\":\"200\"\nstatus 503\n{\"status\":\"503\"", 0, lines);
  EXPECT_EQ(counts.lines, 5);
  EXPECT_EQ(counts.parsed, 2);  // "503" is too short to be looked for outside of its field
  EXPECT_EQ(counts.malformed, 1);
  EXPECT_EQ(lines.found.size(), 1u);
}

TEST(Matcher, LinesAcrossPiecesOfALargeBlockAreFoundOnceInOrder) {
  auto set = compiled({field_rule("status", {Op::kPattern, "503"}),
                       {"text", Condition::of_text({Op::kContains, "needle"}), {}}});
  Matcher matcher(*set);
  std::string block;
  std::vector<std::pair<uint32_t, std::string>> want;
  for (int i = 0; i < 3000; ++i) {
    std::string line =
        "{\"n\":" + std::to_string(i) + ",\"pad\":\"" + std::string(static_cast<size_t>(i % 997), 'x') + "\"";
    if (i % 7 == 0) line += ",\"status\":503";
    if (i % 11 == 0) line += ",\"t\":\"needle\"";
    line += "}";
    if (i % 7 == 0) want.emplace_back(0, line);
    if (i % 11 == 0) want.emplace_back(1, line);
    block += line + "\n";
  }
  block += std::string(300'000, 'y') + "needle\n";
  want.emplace_back(1, block.substr(block.size() - 300'007, 300'006));
  Lines lines;
  EXPECT_EQ(matcher.scan(block, 0, lines).lines, 3001);
  EXPECT_EQ(lines.found, want);
}

TEST(RuleSet, SaysWhichPatternIsWrongAndWhere) {
  auto set =
      RuleSet::compile({field_rule("a", {Op::kPattern, "fine"}), field_rule("a", {Op::kPattern, "ab(c[d-"})});
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().rule, 1u);
  EXPECT_EQ(set.error().operand, "ab(c[d-");
  EXPECT_EQ(set.error().fault.offset, 4u);
  EXPECT_EQ(check_test({Op::kPattern, "a(?=b)"})->offset, 1u);
  EXPECT_EQ(check_test({Op::kPattern, "(a)\\1"})->offset, 3u);
  EXPECT_EQ(check_test({Op::kPattern, "x(a(b)"})->offset, 1u);
  EXPECT_EQ(check_test({Op::kPattern, "ab)"})->offset, 2u);
  EXPECT_EQ(check_test({Op::kGte, "many"})->message,
            "\"many\" is no number; a number such as 500 or 0.25 is allowed");
  EXPECT_TRUE(check_test({Op::kContains, ""}).has_value());
}

TEST(RuleSet, APatternThatBacktrackersExplodeOnTakesLinearTime) {
  Rule rule = field_rule("a", {Op::kPattern, "(a+)+$"});
  EXPECT_FALSE(matches(rule, "{\"a\":\"" + std::string(100'000, 'a') + "!\"}"));
}

TEST(RuleSet, WhatHyperscanCannotTakeIsStillMatched) {
  Rule rule = field_rule("a", {Op::kPattern, "\\C5|x*"});
  auto set = compiled({rule});
  EXPECT_EQ(set->unfiltered().size(), 1u);
  EXPECT_FALSE(set->notes_of(0).empty());
  EXPECT_TRUE(matches(rule, R"({"a":"x5"})"));
}

TEST(RuleSet, TenThousandRulesCompileAndMatch) {
  std::vector<Rule> rules;
  for (int i = 0; i < 10'000; ++i) {
    rules.push_back(
        field_rule(i % 2 ? "code" : "message", {Op::kPattern, "fault-" + std::to_string(i) + "(?:\\D|$)"}));
  }
  auto set = compiled(rules);
  EXPECT_EQ(set->unfiltered().size(), 0u);
  Matcher matcher(*set);
  Lines lines;
  matcher.scan(
      "{\"code\":\"fault-4711\"}\n{\"message\":\"fault-4712 fault-13\",\"code\":\"fault-1 fault-4714\"}\n", 0,
      lines);
  ASSERT_EQ(lines.found.size(), 3u);
  EXPECT_EQ(lines.found[0].first, 4711u);
  EXPECT_EQ(lines.found[1].first, 1u);
  EXPECT_EQ(lines.found[2].first, 4712u);
}

}  // namespace
}  // namespace waybill::watch
