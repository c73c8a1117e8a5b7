// Report entries per second through the collector into a store, a commit every 20,000 entries (five a second
// at 100,000). WAYBILL_BENCH_STORE is the URL of an empty store instead of SQLite in the folder for temporary
// files; its tables stay behind.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "audit/collector_workload.h"
#include "store/store.h"

namespace waybill::audit {
namespace {

/// The named store, or SQLite in a folder that is removed afterwards.
class Place {
 public:
  Place() : path_(std::filesystem::temp_directory_path() / ("waybill-bench-" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
  }
  ~Place() { std::filesystem::remove_all(path_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  std::string url() const {
    const char* const named = std::getenv("WAYBILL_BENCH_STORE");
    return named != nullptr ? named : "sqlite:" + (path_ / "w.db").string();
  }

 private:
  std::filesystem::path path_;
};

void must(bool ok) {
  if (!ok) std::abort();
}

/// So that a second run on the same server starts as the first.
void clear(flow::Store& store, flow::Owned& owned) {
  flow::Changes changes;
  for (const flow::TableSpec* table : audit_tables())
    changes.rows.push_back({table, flow::RowChange::Op::kErasePrefix, {}, {}});
  for (const std::string& name : owned.segments->names())
    changes.segments.push_back({flow::SegmentChange::Op::kDrop, name, {}});
  flow::TaskCommit one{owned.task, owned.epoch, {}, &changes};
  auto done = store.commit(std::span(&one, 1));
  must(done && done->front() == flow::CommitResult::kCommitted);
}

void commit(harness::Harness& h, flow::Store& store, const flow::Owned& owned) {
  flow::Changes changes;
  h.task().flush(changes);
  flow::TaskCommit one{owned.task, owned.epoch, {}, &changes};
  auto done = store.commit(std::span(&one, 1));
  must(done && done->front() == flow::CommitResult::kCommitted);
}

void BM_CollectorStore(benchmark::State& state) {
  Workload::Options options;
  options.loss_every = state.range(0);
  int64_t entries = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Workload workload(options);
    const Place place;
    auto store = store::open_store({.url = place.url(), .retention = {}}, [](LogLevel, std::string_view) {});
    must(store.has_value() && (*store)->ensure(audit_tables()));
    auto owned = (*store)->take("collector/main/waybill-reports/0", "bench");
    must(owned.has_value());
    clear(**store, *owned);
    harness::Harness h(workload.collector_options());
    state.ResumeTiming();
    size_t delivered = 0;
    for (const auto& second : workload.seconds()) {
      for (const Workload::Sent& sent : second) {
        h.deliver(sent.bytes, sent.time_ms);
        if (++delivered % workload.reports_per_commit() == 0) commit(h, **store, *owned);
      }
    }
    commit(h, **store, *owned);
    entries += workload.entries();
    state.PauseTiming();
    flow::Query query{&partition_table(),
                      {{"topic", flow::Filter::Op::kEq, std::string("t0")},
                       {"grp", flow::Filter::Op::kEq, std::string("g")},
                       {"part", flow::Filter::Op::kGe, int64_t{0}}},
                      {"topic"},
                      10,
                      {}};
    auto page = (*store)->query(query);
    must(page && page->rows.size() == 1 && page->rows[0].values[2] == flow::Value(workload.consumed_of_t0()));
    state.ResumeTiming();
  }
  state.SetItemsProcessed(entries);
}
BENCHMARK(BM_CollectorStore)
    ->ArgName("loss_every")
    ->Arg(0)
    ->Arg(100)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace waybill::audit
