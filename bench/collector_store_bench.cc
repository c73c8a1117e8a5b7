// Report entries per second through the collector into SQLite, a commit every 20,000 entries (five a second
// at 100,000).

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "audit/collector_workload.h"
#include "store/store.h"

namespace waybill::audit {
namespace {

/// An own folder for one store, removed afterwards.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("waybill-bench-" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string url() const { return "sqlite:" + (path_ / "w.db").string(); }

 private:
  std::filesystem::path path_;
};

void must(bool ok) {
  if (!ok) std::abort();
}

void commit(harness::Harness& h, flow::Store& store, const flow::Owned& owned) {
  flow::Changes changes;
  h.task().flush(changes);
  flow::TaskCommit one{owned.task, owned.epoch, {}, &changes};
  auto done = store.commit(std::span(&one, 1));
  must(done && done->front() == flow::CommitResult::kCommitted);
}

void BM_CollectorSqlite(benchmark::State& state) {
  Workload::Options options;
  options.loss_every = state.range(0);
  int64_t entries = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Workload workload(options);
    Folder folder;
    auto store = store::open_store({.url = folder.url(), .retention = {}}, [](LogLevel, std::string_view) {});
    must(store.has_value() && (*store)->ensure(audit_tables()));
    auto owned = (*store)->take("collector/main/waybill-reports/0", "bench");
    must(owned.has_value());
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
BENCHMARK(BM_CollectorSqlite)->ArgName("loss_every")->Arg(0)->Arg(100)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace waybill::audit
