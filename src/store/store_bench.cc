// Upserts and commits of the stores. Each benchmark checks what it has written. WAYBILL_BENCH_DIR names
// SQLite's folder (default: the system's folder for temporary files): the time of a small commit is that of
// the disk's fsync. WAYBILL_BENCH_STORE is the URL of another store instead, which must be empty: its tables
// stay behind.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "store/store.h"

namespace waybill::store {
namespace {

using flow::ColumnType;
using flow::Merge;

const flow::TableSpec& narrow() {
  static const flow::TableSpec spec{
      .name = "narrow", .keys = {{"name"}, {"minute", ColumnType::kInt64}}, .values = {{"count"}, {"bytes"}}};
  return spec;
}

std::string join_text(std::string_view a, std::string_view b) {
  return std::string(a.size() > b.size() ? a : b);
}

/// As wide as the audit's bucket rows, with a sketch of 400 bytes.
const flow::TableSpec& wide() {
  static const flow::TableSpec spec = [] {
    static const char* const kNames[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k",
                                         "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v"};
    flow::TableSpec t{.name = "wide",
                      .keys = {{"cluster"},
                               {"topic"},
                               {"kind", ColumnType::kInt64},
                               {"start", ColumnType::kInt64},
                               {"grp"}},
                      .values = {{"latency", ColumnType::kText, Merge::kSketch}},
                      .merge_sketch = join_text};
    for (const char* name : kNames) t.values.push_back({name});
    return t;
  }();
  return spec;
}

flow::RowChange narrow_row(int64_t i) {
  return {&narrow(),
          flow::RowChange::Op::kUpsert,
          {"service-" + std::to_string(i / 1440), i % 1440},
          {int64_t{1}, int64_t{200}}};
}

flow::RowChange wide_row(int64_t i) {
  flow::RowChange row{&wide(),
                      flow::RowChange::Op::kUpsert,
                      {std::string("main"), "topic-" + std::to_string(i / 60), int64_t{0}, i % 60 * 60'000,
                       std::string("group")},
                      {std::string(400, 's')}};
  for (int column = 0; column < 22; ++column) row.values.emplace_back(int64_t{1});
  return row;
}

/// A store of its own, removed at the end.
struct Bench {
  Bench() {
    const char* const wanted = std::getenv("WAYBILL_BENCH_DIR");
    std::string pattern = (wanted ? std::filesystem::path(wanted) : std::filesystem::temp_directory_path()) /
                          "waybill-bench-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    const char* const server = std::getenv("WAYBILL_BENCH_STORE");
    const std::string url = server ? server : "sqlite:" + folder + "/w.db";
    auto opened = open_store({.url = url, .retention = {}}, nullptr);
    if (!opened) {
      std::fprintf(stderr, "%s\n", opened.error().message.c_str());
      std::abort();
    }
    store = std::move(*opened);
    const flow::TableSpec* const tables[] = {&narrow(), &wide()};
    if (!store->ensure(tables)) std::abort();
    auto owned = store->take("bench", "bench");
    if (!owned) std::abort();
    epoch = owned->epoch;
    clear();
  }
  ~Bench() {
    store.reset();
    std::filesystem::remove_all(folder);
  }
  /// Deletes what an earlier benchmark has left on a server.
  void clear() {
    flow::Changes changes;
    for (const auto* table : {&narrow(), &wide()})
      changes.rows.push_back({table, flow::RowChange::Op::kErasePrefix, {}, {}});
    if (!commit(changes, 0)) std::abort();
  }
  bool commit(flow::Changes& changes, int64_t next) {
    const flow::TaskCommit one[] = {
        {"bench", epoch, {{{"main", "t", PartitionId(0)}, Offset(next)}}, &changes}};
    auto done = store->commit(one);
    return done && done->at(0) == flow::CommitResult::kCommitted;
  }
  int64_t total(const flow::TableSpec& table, size_t column) {
    int64_t sum = 0;
    flow::Query query{.table = &table, .limit = 100'000};
    for (;;) {
      auto page = store->query(query);
      if (!page) return -1;
      for (const auto& row : page->rows) sum += std::get<int64_t>(row.values[column]);
      if (!page->next) return sum;
      query.cursor = *page->next;
    }
  }
  std::string folder;
  std::unique_ptr<flow::Store> store;
  int64_t epoch = 0;
};

/// Commits of `rows` distinct rows; every second commit meets the same keys again.
void upserts(benchmark::State& state, const flow::TableSpec& table, flow::RowChange (*make)(int64_t),
             size_t count_column) {
  Bench bench;
  const int64_t rows = state.range(0);
  int64_t written = 0;
  int64_t commits = 0;
  for (auto _ : state) {
    state.PauseTiming();
    flow::Changes changes;
    for (int64_t i = 0; i < rows; ++i) changes.rows.push_back(make(commits / 2 * rows + i));
    state.ResumeTiming();
    if (!bench.commit(changes, ++commits)) return state.SkipWithError("the commit failed");
    written += rows;
  }
  if (bench.total(table, count_column) != written) state.SkipWithError("the sums are wrong");
  state.SetItemsProcessed(written);
}

void BM_UpsertNarrow(benchmark::State& state) { upserts(state, narrow(), narrow_row, 0); }
void BM_UpsertWideWithSketch(benchmark::State& state) { upserts(state, wide(), wide_row, 1); }
BENCHMARK(BM_UpsertNarrow)->Arg(500)->Arg(5'000)->Arg(50'000)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BM_UpsertWideWithSketch)->Arg(500)->Arg(5'000)->UseRealTime()->Unit(benchmark::kMillisecond);

/// What the runtime does five times a second: a few rows, a position, a part of a segment.
void BM_SmallCommit(benchmark::State& state) {
  Bench bench;
  int64_t commits = 0;
  for (auto _ : state) {
    flow::Changes changes;
    for (int64_t i = 0; i < 20; ++i) changes.rows.push_back(narrow_row(i));
    changes.segments.push_back({flow::SegmentChange::Op::kReplace, "state", std::string(1000, 'x')});
    if (!bench.commit(changes, ++commits)) return state.SkipWithError("the commit failed");
  }
  if (bench.total(narrow(), 0) != 20 * commits) state.SkipWithError("the sums are wrong");
  state.SetItemsProcessed(commits);
}
BENCHMARK(BM_SmallCommit)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace waybill::store
