// First byte: where the lines are cut into blocks. The rest: lines. Learned layouts and blocks give exactly
// the windows, groups, funnel and problems of a pass that reads each line plainly.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "base/assert.h"
#include "decode/json_layout.h"
#include "kpi/book.h"
#include "kpi/line_reader.h"
#include "kpi/render.h"

using namespace waybill;
using namespace waybill::kpi;

namespace {

constexpr int64_t kNow = 1'900'000'000'000;

FieldRef field(std::string name) { return {{std::move(name)}}; }

TimeRef time_of(std::string name, size_t prefix, std::string format) {
  return {field(std::move(name)), prefix, std::move(format), "Asia/Shanghai"};
}

/// Short names, so that lines are found by chance.
std::vector<Definition> definitions() {
  Definition plain;
  plain.name = "plain";
  plain.time = time_of("t", 0, "yyyyMMddHHmmssSSS");
  plain.lateness_ms = 60'000;
  plain.groups_max = 3;
  plain.by = {{.name = "p", .field = field("p"), .label = {}, .lookup = nullptr}};
  plain.values = {{.name = "total"},
                  {.name = "good", .where = {{Condition::Op::kIs, field("r"), {"0000"}}}},
                  {.name = "fee",
                   .kind = ValueDef::Kind::kNumber,
                   .number = field("f"),
                   .number_min = -5,
                   .number_max = 1'000'000,
                   .show = {Show::kSum, Show::kMin, Show::kP99}},
                  {.name = "ms",
                   .kind = ValueDef::Kind::kDuration,
                   .from = time_of("i", 17, "yyyyMMddHHmmssSSS"),
                   .to = time_of("t", 0, "yyyyMMddHHmmssSSS"),
                   .show = {Show::kMax, Show::kMean},
                   .nested = true}};
  Definition steps;
  steps.name = "steps";
  steps.time = time_of("t", 0, "yyyyMMddHHmmssSSS");
  steps.window_ms = 3'600'000;
  steps.lateness_ms = 3'600'000;
  steps.steps = StepsDef{.id = field("o"), .field = field("s"), .order = {"a", "b", "c"}, .ids_max = 20};
  steps.values = {
      {.name = "reached", .kind = ValueDef::Kind::kReached, .a = "b"},
      {.name = "between", .kind = ValueDef::Kind::kBetween, .a = "a", .b = "c", .show = {Show::kMax}},
      {.name = "stuck", .kind = ValueDef::Kind::kStuck, .a = "a"}};
  return {plain, steps};
}

std::shared_ptr<const Program> program() {
  static const auto compiled = Program::compile(definitions());
  ASSERT(compiled.has_value());
  return *compiled;
}

std::string text_of(const Book& book) {
  std::string out = std::to_string(book.lines()) + " " + std::to_string(book.malformed()) + "\n";
  for (size_t i = 0; i < book.kpis().size(); ++i) {
    const KpiState& state = book.kpis()[i];
    out += std::to_string(state.too_late) + " " + std::to_string(state.other_lines) + " " +
           std::to_string(state.watermark_ms) + "\n";
    for (const auto& [start, window] : state.windows) {
      std::map<std::string, std::string> groups;
      for (const auto& [key, group] : window.groups) {
        std::string& text = groups[key];
        text = std::to_string(group->lines);
        append_values(book.program().kpis()[i], *group, text);
      }
      for (const auto& [key, text] : groups) out += std::to_string(start) + " " + key + " " + text + "\n";
    }
    for (const auto& [id, change] : state.stuck)
      out += id + " stands at " + std::to_string(change.step) + "\n";
  }
  for (const auto& [key, problem] : book.problems()) {
    out += std::to_string(key.kpi) + " " + std::string(reason_text(key.reason)) + " " + key.field + " " +
           std::to_string(key.detail) + " " + std::to_string(problem.count) + " " +
           std::to_string(problem.first_place) + "\n";
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 16'384) return 0;
  const size_t block_bytes = size_t{data[0]} * 8 + 1;
  const std::string_view lines(reinterpret_cast<const char*>(data) + 1, size - 1);
  Scanner scanner(program());
  LineReader learning(program()), plain(program());
  Book by_block(program()), by_line(program());
  std::string block;
  for (size_t at = 0; at < lines.size();) {
    size_t end = std::min(lines.size(), at + block_bytes);
    end = std::min(lines.size(), lines.find('\n', end - 1)) + 1;
    block.assign(lines.substr(at, end - at));
    const size_t bytes = block.size();
    block.resize(bytes + decode::kScanPadding);
    scanner.begin(kNow);
    learning.read({block.data(), bytes}, scanner, nullptr);
    by_block.apply(scanner.take(), by_block.lines() + 1);
    at = end;
  }
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    std::string_view line = lines.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at = end + 1;
    if (is_blank_line(line)) continue;
    scanner.begin(kNow);
    plain.read_one(line, scanner, 0);
    by_line.apply(scanner.take(), by_line.lines() + 1);
  }
  const std::string block_text = text_of(by_block), line_text = text_of(by_line);
  if (block_text != line_text)
    std::fprintf(stderr, "by blocks:\n%s\nline by line:\n%s\n", block_text.c_str(), line_text.c_str());
  ASSERT(block_text == line_text);
  return 0;
}
