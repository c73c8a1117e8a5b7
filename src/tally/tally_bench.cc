// Cost of counting and of the report format. Each benchmark checks its own answer.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "tally/coverage.h"
#include "tally/latency_sketch.h"
#include "tally/report_codec.h"

namespace waybill::tally {
namespace {

void latency_sketch_add(benchmark::State& state) {
  constexpr size_t kValues = 4096;
  std::mt19937_64 random(1);
  std::vector<int64_t> values(kValues);
  for (int64_t& value : values) value = static_cast<int64_t>(random() % 5'000);
  LatencySketch sketch;
  for (auto _ : state) {
    for (const int64_t value : values) sketch.add(value);
    benchmark::ClobberMemory();
  }
  const auto rounds = static_cast<int64_t>(state.iterations());
  if (sketch.sum() != rounds * std::accumulate(values.begin(), values.end(), int64_t{0}))
    state.SkipWithError("wrong sum");
  state.SetItemsProcessed(rounds * static_cast<int64_t>(kValues));
}
BENCHMARK(latency_sketch_add);

void latency_sketch_merge_decoded(benchmark::State& state) {
  LatencySketch source;
  for (int64_t ms = 1; ms < 2'000; ms += 7) source.add(ms);
  const LatencySketch decoded = *LatencySketch::decode(source.encode());
  LatencySketch sketch;
  for (auto _ : state) {
    sketch.merge(decoded);
    benchmark::ClobberMemory();
  }
  if (sketch.count() != state.iterations() * source.count()) state.SkipWithError("wrong count");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(latency_sketch_merge_decoded);

void coverage_append(benchmark::State& state) {
  constexpr int64_t kOffsets = 4096;
  for (auto _ : state) {
    Coverage set;
    for (int64_t i = 0; i < kOffsets; ++i) set.insert({Offset(i), Offset(i + 1)});
    if (set.size() != kOffsets || set.run_count() != 1) state.SkipWithError("wrong set");
  }
  state.SetItemsProcessed(state.iterations() * kOffsets);
}
BENCHMARK(coverage_append);

/// Runs of 10 offsets in random order until all gaps are closed, as the collector merges many reporters.
void coverage_insert_random(benchmark::State& state) {
  const int64_t runs = state.range(0);
  std::vector<int64_t> order(static_cast<size_t>(runs));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  std::vector<OffsetRange> fresh;
  for (auto _ : state) {
    Coverage set;
    for (const int64_t i : order) {
      fresh.clear();
      set.insert({Offset(10 * i), Offset(10 * i + 10)}, &fresh, nullptr);
    }
    if (set.size() != 10 * runs || set.run_count() != 1) state.SkipWithError("wrong set");
  }
  state.SetItemsProcessed(state.iterations() * runs);
}
BENCHMARK(coverage_insert_random)->Arg(1'000)->Arg(100'000);

/// One second of a busy consumer: `topics` topics of 4 partitions, 2 open buckets each, 15 messages a run.
Report busy_report(int64_t topics) {
  Report report;
  report.reporter.bytes[0] = 1;
  report.number = ReportNumber(12345);
  report.audit_partitions = 16;
  report.from_ms = 1'700'000'000'000;
  report.complete_up_to_ms = 1'700'000'001'000;
  report.cluster_id = "4L6g3nShT-eMCtK--X86sw";
  report.host = "shop-3.example.net";
  report.clients = {{1, "billing-1", TierKind::kConsumed, "billing", "", 0, "librdkafka 2.0.2"}};
  const Tier tier{TierKind::kConsumed, "billing"};
  std::mt19937_64 random(1);
  for (int64_t t = 0; t < topics; ++t) {
    const std::string topic = "orders.eu." + std::to_string(t);
    for (int64_t b = 0; b < 2; ++b) {
      const BucketLabel label{BucketKind::kNormal, BucketStart(1'699'999'980'000 + 60'000 * b)};
      Entry entry{1, tier, topic, {}};
      entry.bucket.label = label;
      entry.bucket.time_types = kCreateTime;
      entry.bucket.count = 5'000;
      entry.bucket.bytes = 2'500'000;
      for (int i = 0; i < 5'000; ++i) entry.bucket.latency.add(static_cast<int64_t>(5 + random() % 40));
      report.entries.push_back(entry);
      for (int32_t partition = 0; partition < 4; ++partition) {
        CoverageChunk chunk{1, tier, topic, PartitionId(partition), label, 1, {}, {}};
        int64_t at = 1'000'000'000 + 100'000 * b;
        for (int run = 0; run < 80; ++run) {
          const int64_t length = 1 + static_cast<int64_t>(random() % 29);
          chunk.seen.push_back({Offset(at), Offset(at + length)});
          at += length + 1 + static_cast<int64_t>(random() % 40);
        }
        report.coverage.push_back(chunk);
      }
    }
    for (int32_t partition = 0; partition < 4; ++partition) {
      report.positions.push_back({1, topic, PartitionId(partition), 1, Offset(1'000'000'000),
                                  Offset(1'000'200'000), Offset(1'000'200'000), Offset(1'000'190'000),
                                  1'700'000'000'990});
    }
    report.rates.push_back({1, tier, topic, 1'699'999'980'000, 10'000, 5'000'000});
  }
  return report;
}

int64_t items_of(const Report& report) {
  return static_cast<int64_t>(report.entries.size() + report.coverage.size() + report.positions.size() +
                              report.rates.size());
}

/// Items: entries, coverage chunks, positions and rates together.
void encode_report_bench(benchmark::State& state) {
  const Report report = busy_report(state.range(0));
  std::string bytes;
  for (auto _ : state) {
    bytes = encode_report(report);
    benchmark::DoNotOptimize(bytes.data());
  }
  if (*decode_report(bytes) != report) state.SkipWithError("another report");
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
  state.SetItemsProcessed(state.iterations() * items_of(report));
  state.counters["bytes"] = static_cast<double>(bytes.size());
}
BENCHMARK(encode_report_bench)->Name("encode_report")->Arg(1)->Arg(50);

void decode_report_bench(benchmark::State& state) {
  const Report report = busy_report(state.range(0));
  const std::string bytes = encode_report(report);
  for (auto _ : state) {
    const auto decoded = decode_report(bytes);
    if (!decoded || decoded->coverage.size() != report.coverage.size()) state.SkipWithError("another report");
  }
  if (*decode_report(bytes) != report) state.SkipWithError("another report");
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
  state.SetItemsProcessed(state.iterations() * items_of(report));
}
BENCHMARK(decode_report_bench)->Name("decode_report")->Arg(1)->Arg(50);

}  // namespace
}  // namespace waybill::tally
