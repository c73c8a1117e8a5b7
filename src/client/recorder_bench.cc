// Cost of the hot calls at 1 and 8 threads: build with the preset `bench`, run client_bench. Each benchmark
// checks that nothing was lost: what is drained at the end is what was counted.

#include <benchmark/benchmark.h>

#include <atomic>
#include <memory>

#include "base/assert.h"
#include "client/recorder.h"

namespace waybill::client {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

/// One recorder with one producer and one consumer of one topic, shared by all threads of a run.
struct Bench {
  Recorder recorder{60'000};
  TopicTally* produced = nullptr;
  TopicTally* consumed = nullptr;
  std::atomic<uint64_t> done{0};

  Bench() {
    tally::ClientInfo producer;
    producer.kind = tally::TierKind::kProduced;
    tally::ClientInfo consumer;
    consumer.kind = tally::TierKind::kConsumed;
    consumer.group = "g";
    produced = recorder.add_client(producer)->topic(nullptr, "orders");
    consumed = recorder.add_client(consumer)->topic(nullptr, "orders");
  }

  uint64_t drained(tally::TierKind kind) {
    Pending pending(recorder.limits());
    recorder.drain(pending);
    tally::Report report;
    pending.take(PartitionId(0), 1, report);
    uint64_t count = 0;
    for (const tally::Entry& entry : report.entries)
      count += entry.tier.kind == kind ? entry.bucket.count : 0;
    return count;
  }
};

std::unique_ptr<Bench> bench;

/// Runs `call(tally state, i)` on all threads and checks the total.
template <class Call>
void measure(benchmark::State& state, tally::TierKind kind, Call call) {
  if (state.thread_index() == 0) bench = std::make_unique<Bench>();
  uint64_t i = 0;
  for (auto _ : state) {
    call(*bench, state.thread_index(), i);
    ++i;
  }
  if (state.threads() == 1) ASSERT(bench->drained(kind) == i);
  state.SetItemsProcessed(static_cast<int64_t>(i));
}

void sent(benchmark::State& state) {
  measure(state, tally::TierKind::kSent, [](Bench& b, int, uint64_t) { b.produced->sent(kNow, 500, kNow); });
}

void acked(benchmark::State& state) {
  measure(state, tally::TierKind::kProduced, [](Bench& b, int thread, uint64_t i) {
    Message message{Offset(static_cast<int64_t>(i)), kNow, tally::kCreateTime, 500};
    b.produced->acked(PartitionId(thread), message, 5, kNow + 5);
  });
}

void acked_in_runs_of_15(benchmark::State& state) {
  measure(state, tally::TierKind::kProduced, [](Bench& b, int thread, uint64_t i) {
    Message message{Offset(static_cast<int64_t>(i + i / 15)), kNow, tally::kCreateTime, 500};
    b.produced->acked(PartitionId(thread), message, 5, kNow + 5);
  });
}

void consumed(benchmark::State& state) {
  measure(state, tally::TierKind::kConsumed, [](Bench& b, int thread, uint64_t i) {
    Message message{Offset(static_cast<int64_t>(i)), kNow, tally::kCreateTime, 500};
    b.consumed->consumed(PartitionId(thread), message, kNow + 5);
  });
}

void failed(benchmark::State& state) {
  if (state.thread_index() == 0) bench = std::make_unique<Bench>();
  for (auto _ : state) bench->produced->failed(-192, kNow, tally::kCreateTime, kNow);
}

BENCHMARK(sent)->Threads(1)->Threads(8)->UseRealTime();
BENCHMARK(acked)->Threads(1)->Threads(8)->UseRealTime();
BENCHMARK(acked_in_runs_of_15)->Threads(1)->Threads(8)->UseRealTime();
BENCHMARK(consumed)->Threads(1)->Threads(8)->UseRealTime();
BENCHMARK(failed)->Threads(1)->Threads(8)->UseRealTime();

}  // namespace
}  // namespace waybill::client
