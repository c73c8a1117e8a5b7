#pragma once
// Workers that answer the Asks of Tasks by reading outside, so that Tasks stay pure.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "flow/source.h"
#include "flow/task.h"

namespace waybill::flow {

/// An Ask and the life of the Task that it belongs to; the Answer comes back with the same.
struct OpenAsk {
  TaskId task;
  int64_t epoch = 0;
  Ask ask;
};

struct ReadyAnswer {
  TaskId task;
  int64_t epoch = 0;
  Answer answer;
};

/// Thread-safe. Every submitted Ask gets exactly one answer unless the pool is stopped first.
class AskPool {
 public:
  /// Beyond so many open Asks, one is answered at once with kLimit.
  static constexpr size_t kOpenMax = 100'000;

  /// `reader` outlives the pool; without it (or without workers) every Ask is answered with kUnsupported.
  AskPool(RangeReader* reader, int workers);
  ~AskPool();
  void submit(OpenAsk ask);
  /// Answers since the last call, in the order in which they came.
  std::vector<ReadyAnswer> take();
  /// Workers end after what they do now; open Asks are dropped.
  void request_stop();
  /// request_stop() and joins: at most the longest running read. Idempotent.
  void stop();

 private:
  void work(std::stop_token stop);

  RangeReader* reader_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<OpenAsk> open_;
  std::vector<ReadyAnswer> ready_;
  std::vector<std::jthread> workers_;  ///< last: they use all of the above
};

/// Asks the reader. Never throws: an exception of the reader becomes kUnavailable.
Answer answer_ask(RangeReader& reader, const Ask& ask);

}  // namespace waybill::flow
