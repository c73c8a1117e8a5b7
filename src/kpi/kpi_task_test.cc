// The Task over a store, cut into random batches with restarts at random commits, against a plain model.
#include "kpi/kpi_task.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "flow/source_dedup.h"
#include "kpi/figures.h"
#include "kpi/query.h"
#include "kpi/tables.h"
#include "testing/memory_store.h"

namespace waybill::kpi {
namespace {

constexpr int64_t kNow = 1'900'000'000'000;
constexpr int64_t kStart = 1'542'988'800'000;  // 2018-11-24T00:00+08:00
constexpr int64_t kLateness = 120'000;

struct Line {
  int64_t ms = 0;
  int64_t fee = 0;
  std::string shop, id, step;
  std::string text() const {
    return R"({"t":)" + std::to_string(ms) + R"(,"fee":)" + std::to_string(fee) + R"(,"shop":")" + shop +
           R"(","id":")" + id + R"(","step":")" + step + "\"}";
  }
};

std::vector<Definition> definitions() {
  const TimeRef time{{{"t"}}, 0, "epoch_ms", "UTC"};
  Definition plain;
  plain.name = "plain";
  plain.time = time;
  plain.lateness_ms = kLateness;
  plain.by = {{.name = "shop", .field = {{"shop"}}}};
  plain.values = {{.name = "n"},
                  {.name = "fee",
                   .kind = ValueDef::Kind::kNumber,
                   .number = {{"fee"}},
                   .show = {Show::kSum, Show::kMin, Show::kMax, Show::kP50},
                   .nested = true}};
  Definition steps;
  steps.name = "steps";
  steps.time = time;
  steps.lateness_ms = kLateness;
  steps.steps =
      StepsDef{.id = {{"id"}}, .field = {{"step"}}, .order = {"a", "b", "c"}, .stuck_after_ms = 60'000};
  steps.values = {{.name = "ra", .kind = ValueDef::Kind::kReached, .a = "a"},
                  {.name = "rb", .kind = ValueDef::Kind::kReached, .a = "b"},
                  {.name = "ab",
                   .kind = ValueDef::Kind::kBetween,
                   .a = "a",
                   .b = "b",
                   .show = {Show::kSum, Show::kMin, Show::kMax},
                   .nested = true},
                  {.name = "sa", .kind = ValueDef::Kind::kStuck, .a = "a"},
                  {.name = "sb", .kind = ValueDef::Kind::kStuck, .a = "b"}};
  return {plain, steps};
}

/// Lines of 10 minutes; each is at most kLateness behind the newest one before it.
std::vector<Line> lines_of(std::mt19937& random) {
  std::vector<Line> lines;
  for (int order = 0; order < 120; ++order) {
    int64_t ms = kStart + static_cast<int64_t>(random() % 600'000);
    for (const char* step : {"a", "b", "c"}) {
      lines.push_back({ms, static_cast<int64_t>(random() % 2000) - 500,
                       std::string(1, static_cast<char>('A' + random() % 3)), "o" + std::to_string(order),
                       step});
      if (random() % 4 == 0) break;
      ms += static_cast<int64_t>(random() % 90'000);
    }
  }
  std::vector<std::pair<int64_t, Line>> shuffled;
  for (Line& line : lines) shuffled.emplace_back(line.ms + static_cast<int64_t>(random() % kLateness), line);
  std::stable_sort(shuffled.begin(), shuffled.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < lines.size(); ++i) lines[i] = shuffled[i].second;
  return lines;
}

/// What the rows must say: by window start, group and value, the count, sum, least and greatest.
using Figures = std::map<std::tuple<std::string, int64_t, std::string, std::string>, std::array<int64_t, 4>>;

void note(Figures& out, const std::string& kpi, int64_t ms, const std::string& group,
          const std::string& value, int64_t amount, bool summed) {
  auto [it, added] = out.try_emplace({kpi, ms / 60'000 * 60'000, group, value},
                                     std::array<int64_t, 4>{0, 0, INT64_MAX, INT64_MIN});
  it->second[0] += 1;
  if (!summed) return;
  it->second[1] += amount;
  it->second[2] = std::min(it->second[2], amount);
  it->second[3] = std::max(it->second[3], amount);
}

Figures model(const std::vector<Line>& lines) {
  Figures out;
  std::map<std::string, std::map<std::string, int64_t>> orders;
  int64_t newest = 0;
  for (const Line& line : lines) {
    note(out, "plain", line.ms, line.shop, "", 0, false);
    note(out, "plain", line.ms, line.shop, "n", 0, false);
    note(out, "plain", line.ms, line.shop, "fee", line.fee, true);
    note(out, "steps", line.ms, "", "", 0, false);
    orders[line.id][line.step] = line.ms;
    newest = std::max(newest, line.ms);
  }
  for (const auto& [id, at] : orders) {
    if (at.contains("a")) note(out, "steps", at.at("a"), "", "ra", 0, false);
    if (at.contains("b")) note(out, "steps", at.at("b"), "", "rb", 0, false);
    if (at.contains("a") && at.contains("b"))
      note(out, "steps", at.at("b"), "", "ab", at.at("b") - at.at("a"), true);
    const std::string last = at.rbegin()->first;
    if (last != "c" && at.at(last) + 60'000 <= newest)
      note(out, "steps", at.at(last), "", "s" + last, 0, false);
  }
  return out;
}

Figures stored(testing::MemoryStore& store) {
  Figures out;
  auto page = store.query({.table = &minute_table(), .limit = 100'000});
  EXPECT_TRUE(page.has_value());
  for (const flow::Page::Row& row : page->rows) {
    const auto number = [&row](size_t i) { return std::get<int64_t>(row.values[i]); };
    if (number(1) == 0) continue;  // one that came and went
    out[{std::get<std::string>(row.key[0]), std::get<int64_t>(row.key[1]), std::get<std::string>(row.key[2]),
         std::get<std::string>(row.key[3])}] = {
        number(1), static_cast<int64_t>(join_sum({number(2), number(3)})), number(4), number(5)};
  }
  return out;
}

class Driver {
 public:
  Driver(testing::MemoryStore& store, std::shared_ptr<const Program> program)
      : store_(store), program_(std::move(program)) {
    take();
  }
  void take() {
    auto owned = store_.take("kpi/main:t/t/0", "me");
    ASSERT_TRUE(owned.has_value());
    epoch_ = owned->epoch;
    next_ = owned->positions.empty() ? 0 : static_cast<size_t>(owned->positions[0].second.value);
    task_ =
        make_kpi_task(program_, {.source = "main/t"}, std::span(&partition_, 1), part_of("kpi/main:t/t/0"));
    auto restored = task_->restore(*owned->segments);
    ASSERT_TRUE(restored.has_value()) << restored.error().message;
  }
  size_t next() const { return next_; }
  void process(const std::vector<Line>& lines, size_t count) {
    std::vector<std::string> texts;
    std::vector<flow::Record> records;
    for (size_t i = 0; i < count; ++i) texts.push_back(lines[next_ + i].text());
    for (size_t i = 0; i < count; ++i) {
      flow::Record record;
      record.offset = Offset(static_cast<int64_t>(next_ + i));
      record.has_value = true;
      record.value = texts[i];
      records.push_back(record);
    }
    next_ += count;
    task_->process({partition_, records, Offset(static_cast<int64_t>(next_))}, {kNow, 0});
  }
  void commit() {
    flow::Changes changes;
    task_->flush(changes);
    const flow::TaskCommit commit{
        "kpi/main:t/t/0", epoch_, {{partition_, Offset(static_cast<int64_t>(next_))}}, &changes};
    auto done = store_.commit(std::span(&commit, 1));
    ASSERT_TRUE(done.has_value() && done->front() == flow::CommitResult::kCommitted);
  }

 private:
  testing::MemoryStore& store_;
  std::shared_ptr<const Program> program_;  ///< shared as in a plan
  flow::SourcePartition partition_{"main", "t", PartitionId(0)};
  int64_t epoch_ = 0;
  size_t next_ = 0;
  std::unique_ptr<flow::Task> task_;
};

TEST(KpiTask, any_batches_restarts_and_lateness_give_the_rows_of_a_plain_model) {
  auto program = Program::compile(definitions());
  ASSERT_TRUE(program.has_value()) << program.error().message;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    const std::vector<Line> lines = lines_of(random);
    testing::MemoryStore store;
    ASSERT_TRUE(store.ensure(kpi_tables()).has_value());
    Driver driver(store, *program);
    while (driver.next() < lines.size()) {
      driver.process(lines, std::min<size_t>(1 + random() % 40, lines.size() - driver.next()));
      if (random() % 3 == 0) driver.commit();
      if (random() % 8 == 0) driver.take();  // a crash: what was not committed is read again
    }
    driver.commit();
    ASSERT_EQ(stored(store), model(lines)) << "seed " << seed;
  }
}

/// The lines of a seed, in one batch and one commit.
std::vector<Line> process_all(uint32_t seed, std::shared_ptr<const Program> program,
                              testing::MemoryStore& store) {
  std::mt19937 random(seed);
  std::vector<Line> lines = lines_of(random);
  EXPECT_TRUE(store.ensure(kpi_tables()).has_value());
  Driver driver(store, std::move(program));
  driver.process(lines, lines.size());
  driver.commit();
  return lines;
}

TEST(KpiTask, answers_add_up_to_the_nation_and_say_whether_they_are_complete) {
  auto program = Program::compile(definitions());
  testing::MemoryStore store;
  const std::vector<Line> lines = process_all(7, *program, store);
  int64_t fees = 0;
  for (const Line& line : lines) fees += line.fee;
  WindowQuery all{kStart, kStart + 86'400'000, std::vector<std::string>{}};
  auto answer = windows_json(store, **program, "plain", all, {}, {kNow, 0});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_NE(answer->find("\"totals\":{\"n\":" + std::to_string(lines.size()) +
                         ",\"fee\":{\"sum\":" + std::to_string(fees)),
            std::string::npos);
  EXPECT_NE(answer->find("\"by\":{}"), std::string::npos);
  EXPECT_NE(answer->find("reading is behind"), std::string::npos);
  EXPECT_EQ(windows_json(store, **program, "none", all, {}, {kNow, 0}).error().code, Errc::kNotFound);
  all.by = {{"town"}};
  EXPECT_EQ(windows_json(store, **program, "plain", all, {}, {kNow, 0}).error().code, Errc::kInvalid);
}

TEST(KpiTask, figures_of_single_windows_equal_those_of_a_scan_in_pieces) {
  auto program = Program::compile(definitions());
  testing::MemoryStore store;
  const std::vector<Line> lines = process_all(3, *program, store);
  using Fields = std::map<std::string, std::string>;
  std::map<std::vector<std::string>, Fields> scanned;
  auto take = [&scanned](flow::Figure&& figure) {
    const bool fresh =
        scanned.emplace(figure.name, Fields(figure.fields.begin(), figure.fields.end())).second;
    EXPECT_TRUE(fresh);
  };
  auto scan = all_window_figures(store, *program, 86'400'000);
  for (bool more = true; more;) {
    auto next = scan->next(take);
    ASSERT_TRUE(next.has_value());
    more = *next;
  }
  EXPECT_GT(scanned.size(), 30u);
  int64_t counted = 0;
  for (const auto& [name, fields] : scanned) {
    const std::string group = name.size() > 2 ? name[2] : "";
    int found = 0;
    ASSERT_TRUE(window_figure(store, **program, name[0], std::stoll(name[1]), group, [&](flow::Figure&& one) {
      ++found;
      EXPECT_EQ(one.name, name);
      EXPECT_EQ(Fields(one.fields.begin(), one.fields.end()), fields);
    }));
    EXPECT_EQ(found, 1);
    if (name[0] == "plain") counted += std::stoll(fields.at("n"));
  }
  EXPECT_EQ(counted, static_cast<int64_t>(lines.size()));
  // Windows that ended long before the newest line are left out.
  size_t near = 0;
  auto last = all_window_figures(store, *program, 120'000);
  while (*last->next([&near](flow::Figure&&) { ++near; })) {
  }
  EXPECT_LT(near, scanned.size() / 2);
}

struct RawTask {
  explicit RawTask(testing::MemoryStore& to) : store(to) { take(); }
  void take() {
    auto owned = store.take("kpi/main:t/t/0", "me");
    epoch = owned->epoch;
    task = make_kpi_task(program, {.source = "main/t"}, std::span(&partition, 1), "t/0");
    ASSERT_TRUE(task->restore(*owned->segments).has_value());
  }
  void process(const std::vector<std::string>& values, const std::vector<std::string>& marks) {
    std::vector<flow::Header> headers(values.size());
    std::vector<flow::Record> records(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      records[i].offset = Offset(next++);
      records[i].has_value = true;
      records[i].value = values[i];
      if (marks.empty()) continue;
      headers[i] = {flow::kSourceHeader, marks[i]};
      records[i].headers = {&headers[i], 1};
    }
    task->process({partition, records, Offset(next)}, {kNow, 0});
  }
  size_t commit() {
    flow::Changes changes;
    task->flush(changes);
    size_t bytes = 0;
    for (const flow::SegmentChange& change : changes.segments) bytes += change.bytes.size();
    const flow::TaskCommit commit{"kpi/main:t/t/0", epoch, {{partition, Offset(next)}}, &changes};
    EXPECT_TRUE(store.commit(std::span(&commit, 1)).has_value());
    return bytes;
  }
  int64_t sum(const flow::TableSpec& table, size_t column) {
    int64_t total = 0;
    const auto page = store.query({.table = &table, .limit = 100'000});
    for (const auto& row : page->rows) total += std::get<int64_t>(row.values[column]);
    return total;
  }

  testing::MemoryStore& store;
  std::shared_ptr<const Program> program = *Program::compile(definitions());
  flow::SourcePartition partition{"main", "t", PartitionId(0)};
  int64_t epoch = 0, next = 0;
  std::unique_ptr<flow::Task> task;
};

TEST(KpiTask, what_agents_sent_is_remembered_in_few_bytes_a_commit) {
  testing::MemoryStore store;
  ASSERT_TRUE(store.ensure(kpi_tables()).has_value());
  RawTask it(store);
  const std::string line = Line{kStart, 1, "A", "o", "c"}.text();
  auto mark = [](uint64_t file, uint64_t offset) {
    char text[flow::kSourceMarkBytesMax];
    return std::string(text, flow::write_source_mark({file, offset}, text));
  };
  std::vector<std::string> lines, marks;
  for (uint64_t file = 1; file <= 20'000; ++file) {
    lines.push_back(line);
    marks.push_back(mark(file, 5));
  }
  it.process(lines, marks);
  it.commit();
  size_t bytes = 0;
  for (uint64_t turn = 1; turn <= 300; ++turn) {
    it.process({line, line}, {mark(7, 5 + turn), mark(19'999, 5 + turn)});
    bytes += it.commit();
    if (turn % 100 == 0) it.take();
  }
  EXPECT_LT(bytes / 300, 400u);
  it.process({line, line, line}, {mark(7, 305), mark(20'000, 5), mark(20'000, 6)});
  it.commit();
  EXPECT_EQ(it.sum(progress_table(), 3), 2 * 2) << "of both KPIs";
}

TEST(KpiTask, lines_that_cannot_be_read_have_their_offset_and_blank_ones_are_passed_over) {
  testing::MemoryStore store;
  ASSERT_TRUE(store.ensure(kpi_tables()).has_value());
  RawTask it(store);
  const std::string good = Line{kStart, 1, "A", "o", "c"}.text();
  std::string spread = good;
  spread.insert(1, "\n ");  // still one object
  it.process({good, "", " \t\r\n", good + "\r\n", "{bad", spread, "{\"t\":\n\"x\ny\"}", good, "[1]", good},
             {});
  it.commit();
  int64_t bad = 0, first = INT64_MAX;
  const auto problems = store.query({.table = &problem_table(), .limit = 100});
  for (const auto& row : problems->rows) {
    if (!std::get<std::string>(row.key[0]).empty()) continue;
    bad += std::get<int64_t>(row.values[0]);
    first = std::min(first, std::get<int64_t>(row.values[1]));
  }
  EXPECT_EQ(bad, 3);
  EXPECT_EQ(first, 4);
  int64_t lines = 0;
  const auto minutes = store.query({.table = &minute_table(), .limit = 100});
  for (const auto& row : minutes->rows) {
    if (std::get<std::string>(row.key[0]) == "plain" && std::get<std::string>(row.key[3]) == "n")
      lines += std::get<int64_t>(row.values[1]);
  }
  EXPECT_EQ(lines, 5);
}

}  // namespace
}  // namespace waybill::kpi
