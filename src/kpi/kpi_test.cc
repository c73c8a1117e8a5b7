#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kpi/book.h"
#include "kpi/render.h"
#include "kpi/scanner.h"

namespace waybill::kpi {
namespace {

constexpr int64_t kNow = 1'900'000'000'000;

TimeRef at(std::string field, size_t prefix = 0) {
  return {{{std::move(field)}}, prefix, "yyyyMMddHHmmssSSS", "Asia/Shanghai"};
}

Definition minutes() {
  Definition kpi;
  kpi.name = "orders";
  kpi.time = at("t");
  kpi.lateness_ms = 60'000;
  kpi.values = {{.name = "total"},
                {.name = "amount",
                 .kind = ValueDef::Kind::kNumber,
                 .number = {{"fee"}},
                 .number_min = 0,
                 .number_max = 1'000'000,
                 .show = {Show::kSum}},
                {.name = "ms",
                 .kind = ValueDef::Kind::kDuration,
                 .from = at("id|ID", 17),
                 .to = at("t"),
                 .show = {Show::kMin, Show::kMax, Show::kMean},
                 .nested = true}};
  kpi.values[2].from.field.names = {"id", "ID"};
  return kpi;
}

/// Reads lines with the plain reader, in blocks that end before each line whose number is in `cuts`.
struct Pass {
  explicit Pass(std::vector<Definition> definitions)
      : program(*Program::compile(std::move(definitions))),
        scanner(program),
        book(program),
        reader(program->schema()) {}

  void block(const std::vector<std::string>& lines) {
    scanner.begin(kNow);
    std::vector<decode::JsonField> fields(program->schema().fields.size());
    int64_t place = 0;
    for (const std::string& line : lines) {
      if (reader.read(line, fields) == decode::JsonStatus::kObject) {
        scanner.line(fields, place++);
      } else {
        scanner.bad_line(Reason::kBroken, place++, line);
      }
    }
    book.apply(scanner.take(), book.lines() + 1);
  }
  std::string values(int64_t start_ms, const std::string& key = "", size_t kpi = 0) {
    auto window = book.kpis()[kpi].windows.find(start_ms);
    if (window == book.kpis()[kpi].windows.end() || !window->second.groups.contains(key)) return "none";
    std::string out;
    append_values(program->kpis()[kpi], *window->second.groups[key], out);
    return out;
  }
  int64_t problems(Reason reason) const {
    int64_t count = 0;
    for (const auto& [key, problem] : book.problems()) count += key.reason == reason ? problem.count : 0;
    return count;
  }

  std::shared_ptr<const Program> program;
  Scanner scanner;
  Book book;
  decode::JsonReader reader;
};

std::string line(const std::string& t, const std::string& fee, const std::string& id) {
  return R"({"t":")" + t + R"(","fee":)" + fee + R"(,"id":")" + id + "\"}";
}

constexpr int64_t kMinute1 = 1'542'988'860'000;  // 2018-11-24T00:01:00+08:00

TEST(Kpi, counts_sums_and_durations_of_a_minute) {
  Pass run({minutes()});
  run.block({line("20181124000100500", "\"990\"", "20181124000100000xyz"),
             line("20181124000159999", "10", "20181124000100000123"),
             R"({"t":"20181124000130000","fee":"0","ID":"20181124000129000"})"});
  EXPECT_EQ(run.values(kMinute1),
            R"({"total":3,"amount":1000,"ms":{"min":500,"max":59999,"mean":20499.666666666668}})");
  EXPECT_EQ(run.book.malformed(), 0);
  EXPECT_TRUE(run.book.problems().empty());
}

TEST(Kpi, counts_bad_input_with_its_reason_and_goes_on) {
  Pass run({minutes()});
  const std::string good = "20181124000100000";
  run.block({"{\"t\":\"2018", "[]", "{\"t\":\"\xFF\"}",                                 // 3 broken lines
             line("20180230000000000", "1", good),                                      // no such date
             R"({"fee":1})",                                                            // no time
             line("20991124000100000", "1", good),                                      // ahead of the clock
             line(good, "\"-5\"", good), line(good, "\"99999999999999999999\"", good),  // 2 out of range
             line(good, "\"1.5\"", good), line(good, "{\"x\":1}", good),  // 2 that are no numbers
             line(good, "7", "abc"), line(good, "3", "2018112400010")});  // 2 ids without a time
  EXPECT_EQ(run.values(kMinute1), R"({"total":6,"amount":10,"ms":{"min":0,"max":0,"mean":0}})");
  EXPECT_EQ(run.book.lines(), 12);
  EXPECT_EQ(run.book.malformed(), 3);
  EXPECT_EQ(run.problems(Reason::kBroken), 3);
  EXPECT_EQ(run.problems(Reason::kTime), 2);
  EXPECT_EQ(run.problems(Reason::kFuture), 1);
  EXPECT_EQ(run.problems(Reason::kRange), 2);
  EXPECT_EQ(run.problems(Reason::kNumber), 2);
  EXPECT_EQ(run.problems(Reason::kDuration), 2);
  const auto& [key, range] = *std::find_if(run.book.problems().begin(), run.book.problems().end(),
                                           [](const auto& p) { return p.first.reason == Reason::kRange; });
  EXPECT_EQ(key.field, "fee");
  EXPECT_EQ(range.first_place, 7);
  EXPECT_EQ(range.sample, "-5");
}

TEST(Kpi, late_lines_change_their_window_until_the_lateness_is_over) {
  for (bool cut : {false, true}) {
    Pass run({minutes()});
    const std::vector<std::string> lines = {
        line("20181124000110000", "1", "20181124000110000"),
        line("20181124000259999", "2", "20181124000259999"),
        line("20181124000120000", "4", "20181124000120000"),  // just in time
        line("20181124000300000", "8", "20181124000300000"),
        line("20181124000130000", "16", "20181124000130000")};  // too late
    if (cut) {
      for (const std::string& one : lines) run.block({one});
    } else {
      run.block(lines);
    }
    EXPECT_EQ(run.values(kMinute1), R"({"total":2,"amount":5,"ms":{"min":0,"max":0,"mean":0}})");
    EXPECT_EQ(run.book.kpis()[0].too_late, 1);
  }
}

TEST(Kpi, sums_beyond_64_bits_stay_exact) {
  Definition kpi = minutes();
  kpi.values = {{.name = "sum", .kind = ValueDef::Kind::kNumber, .number = {{"fee"}}, .show = {Show::kSum}}};
  Pass run({kpi});
  const std::string big = line("20181124000100000", "9223372036854775807", "");
  run.block({big, big, big});
  EXPECT_EQ(run.values(kMinute1), R"({"sum":27670116110564327421})");
}

TEST(Kpi, groups_beyond_the_limit_are_counted_together) {
  Definition kpi = minutes();
  kpi.by = {{.name = "id", .field = {{"id"}}}};
  kpi.values = {{.name = "n"}};
  kpi.groups_max = 2;
  Pass run({kpi});
  run.block({line("20181124000100000", "1", "d"), line("20181124000100000", "1", "b"),
             line("20181124000100000", "1", "c"), line("20181124000100000", "1", "a"),
             line("20181124000100000", "1", "d")});
  EXPECT_EQ(run.values(kMinute1, "d"), R"({"n":2})") << "the first ones keep their places";
  EXPECT_EQ(run.values(kMinute1, "b"), R"({"n":1})");
  EXPECT_EQ(run.values(kMinute1, kOtherGroup), R"({"n":2})");
  EXPECT_EQ(run.book.kpis()[0].other_lines, 2);
}

TEST(Kpi, days_are_days_of_the_zone) {
  Definition kpi = minutes();
  kpi.time.zone = "Europe/Berlin";
  kpi.window_ms = Windows::kDayMs;
  kpi.values = {{.name = "n"}};
  Pass run({kpi});
  // The day of 25 hours, its first and last millisecond, and the next one.
  run.block({line("20191027000000000", "1", ""), line("20191027235959999", "1", ""),
             line("20191028000000000", "1", "")});
  EXPECT_EQ(run.values(1'572'127'200'000), R"({"n":2})");
  EXPECT_EQ(run.values(1'572'127'200'000 + 25 * 3'600'000), R"({"n":1})");
}

Definition funnel() {
  Definition kpi;
  kpi.name = "funnel";
  kpi.time = at("t");
  kpi.window_ms = 3'600'000;
  kpi.lateness_ms = 3'600'000;
  kpi.steps = StepsDef{.id = {{"id"}}, .field = {{"s"}}, .order = {"a", "b", "c"}};
  kpi.values = {{.name = "ra", .kind = ValueDef::Kind::kReached, .a = "a"},
                {.name = "rc", .kind = ValueDef::Kind::kReached, .a = "c"},
                {.name = "ab",
                 .kind = ValueDef::Kind::kBetween,
                 .a = "a",
                 .b = "b",
                 .show = {Show::kMin, Show::kMax, Show::kCount},
                 .nested = true},
                {.name = "sa", .kind = ValueDef::Kind::kStuck, .a = "a"},
                {.name = "sb", .kind = ValueDef::Kind::kStuck, .a = "b"}};
  return kpi;
}

std::string step(const std::string& t, const std::string& s, const std::string& id) {
  return R"({"t":"20181124)" + t + R"(","s":")" + s + R"(","id":")" + id + "\"}";
}

TEST(Funnel, follows_ids_in_any_order_and_lists_who_stands_still) {
  std::vector<std::string> lines = {step("000100000", "a", "1"), step("000101500", "b", "1"),
                                    step("000200000", "c", "1"), step("000300000", "a", "2"),
                                    step("000301000", "b", "2"), step("000500000", "a", "3"),
                                    step("001600000", "a", "4")};
  std::sort(lines.begin(), lines.end());
  do {
    Pass run({funnel()});
    for (const std::string& one : lines) run.block({one});
    ASSERT_EQ(run.values(1'542'988'800'000),
              R"({"ra":4,"rc":1,"ab":{"min":1000,"max":1500,"count":2},"sa":1,"sb":1})");
    const auto& stuck = run.book.kpis()[0].stuck;
    ASSERT_EQ(stuck.size(), 2u);
    ASSERT_EQ(stuck.at("2").step, 1);
    ASSERT_EQ(stuck.at("3").step, 0);
  } while (std::next_permutation(lines.begin(), lines.end()));
}

TEST(Funnel, a_repeated_step_counts_once_and_an_id_that_goes_on_is_no_longer_stuck) {
  Pass run({funnel()});
  run.block({step("000100000", "a", "1"), step("000100900", "a", "1"), step("002000000", "a", "2")});
  EXPECT_EQ(run.book.kpis()[0].stuck.size(), 1u);
  run.block({step("002100000", "b", "1")});
  EXPECT_EQ(run.book.kpis()[0].stuck.size(), 0u);
  EXPECT_EQ(run.values(1'542'988'800'000),
            R"({"ra":2,"rc":0,"ab":{"min":1200000,"max":1200000,"count":1},"sa":0,"sb":0})");
}

TEST(Funnel, forgets_ids_after_their_time_and_keeps_its_memory_small) {
  Pass run({funnel()});
  for (int hour = 0; hour < 20; ++hour) {
    std::vector<std::string> lines;
    for (int i = 0; i < 50; ++i) {
      char t[16];
      std::snprintf(t, sizeof t, "%02d%02d00000", hour, i);
      lines.push_back(step(t, "a", std::to_string(hour * 100 + i)));
    }
    run.block(lines);
    EXPECT_LE(run.book.kpis()[0].funnel->size(), 120u);
  }
}

}  // namespace
}  // namespace waybill::kpi
