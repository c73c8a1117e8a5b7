// First line: a pattern. The rest: lines. What both stages find together equals what the second one finds
// alone, for the pattern as a rule over a field, over a nested field and over the whole line.
#include <cstdint>
#include <set>

#include "base/assert.h"
#include "watch/matcher.h"

using namespace waybill::watch;

namespace {

struct Gather : MatchSink {
  size_t base = 0;
  std::set<std::pair<size_t, uint32_t>> found;
  void matched(const Match& match) override { found.emplace(base + match.offset, match.rule); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  size_t first = input.find('\n');
  if (first == std::string_view::npos || first > 200) return 0;
  Test test{Test::Op::kPattern, std::string(input.substr(0, first))};
  if (check_test(test)) return 0;
  Test text{Test::Op::kContains, test.operand};
  std::vector<Rule> rules = {{"field", Condition::of_field("a", test), {}},
                             {"nested", Condition::of_field("b.c", test), {}},
                             {"line", Condition::of_text(test), {}}};
  if (!check_test(text)) rules.push_back({"contains", Condition::of_field("a", text), {}});
  auto set = RuleSet::compile(rules);
  ASSERT(set.has_value());
  Matcher matcher(**set);
  std::string_view block = input.substr(first + 1);
  Gather both, second;
  auto counts = matcher.scan(block, 0, both);
  int64_t lines = 0;
  for (size_t at = 0; at < block.size(); ++lines) {
    size_t end = std::min(block.find('\n', at), block.size());
    second.base = at;
    matcher.match(block.substr(at, end - at), 0, second);
    at = end + 1;
  }
  ASSERT(both.found == second.found);
  ASSERT(counts.lines == lines);
  return 0;
}
