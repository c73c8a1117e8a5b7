// Report entries per second through the collector, flushes included (the store's share:
// bench/collector_store_bench.cc).

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "audit/collector_workload.h"

namespace waybill::audit {
namespace {

/// Everything steady: producers and consumers that keep up.
void BM_Collector(benchmark::State& state) {
  Workload::Options options;
  options.loss_every = state.range(0);
  int64_t entries = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Workload workload(options);
    harness::Harness h(workload.collector_options());
    std::vector<flow::Changes> commits;
    state.ResumeTiming();
    size_t delivered = 0;
    for (const auto& second : workload.seconds()) {
      for (const Workload::Sent& sent : second) {
        h.deliver(sent.bytes, sent.time_ms);
        if (++delivered % workload.reports_per_commit() == 0) h.task().flush(commits.emplace_back());
      }
    }
    h.task().flush(commits.emplace_back());
    entries += workload.entries();
    state.PauseTiming();
    for (const flow::Changes& changes : commits) {
      h.tables.apply(changes.rows);
      h.segments.apply(changes.segments);
    }
    if (h.total("t0", "g", "distinct_offsets") != workload.consumed_of_t0()) std::abort();
    state.counters["state_bytes"] = static_cast<double>(h.segments.total());
    state.counters["state_bytes_written_per_entry"] =
        static_cast<double>(h.segments.written()) / static_cast<double>(workload.entries());
    state.ResumeTiming();
  }
  state.SetItemsProcessed(entries);
}
BENCHMARK(BM_Collector)->ArgName("loss_every")->Arg(0)->Arg(100)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace waybill::audit
