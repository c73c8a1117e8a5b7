#pragma once
// Keeps the overview current in memory while somebody looks, and tells the open pages what has changed.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "audit/query_overview.h"
#include "base/log.h"
#include "base/time.h"
#include "flow/store.h"
#include "http/events.h"

namespace waybill::cli {

/// What a probe reads, as text: when it differs from the last time, the pages that show `kind` ask again.
struct LiveProbe {
  std::string kind;  ///< "reporters", "alerts", ...
  std::function<Result<std::string>()> read;
};

/// One thread; thread-safe. While no stream is open and nobody has asked for two minutes it reads nothing. A
/// board takes as long as the store needs for all topics; it is read once a second, or more seldom so that
/// reading takes at most a tenth of one core.
class LiveBoard {
 public:
  /// `store` and `clock` outlive it.
  LiveBoard(flow::Store& store, const Clock& clock, std::shared_ptr<http::EventHub> hub,
            std::vector<LiveProbe> probes, LogFn log);
  ~LiveBoard();
  /// Ends the thread, so that no stream is told anything more: before the server of the streams goes. The
  /// board can still be asked for.
  void stop();

  /// The board of a moment ago. When there is none that is fresh, reads one, or waits for the one that is
  /// being read: for slow routes only. Errors: those of read_board.
  Result<std::shared_ptr<const audit::TopicBoard>> current();

 private:
  void run(const std::stop_token& stop);
  bool wanted() const;
  Result<std::shared_ptr<const audit::TopicBoard>> refresh();
  void tell(const audit::TopicBoard* before, const audit::TopicBoard& after);
  void ask_probes(std::vector<std::string>& kinds);

  flow::Store& store_;
  const Clock& clock_;
  std::shared_ptr<http::EventHub> hub_;
  std::vector<LiveProbe> probes_;
  std::vector<size_t> probed_;  ///< hash of each probe's last text; the thread's own
  uint64_t findings_ = 0;       ///< the thread's own
  LogFn log_;
  std::atomic<int64_t> asked_ms_{INT64_MIN / 2};  ///< steady
  std::atomic<int64_t> every_ms_;
  std::mutex reading_;  ///< one reader at a time
  std::mutex mutex_;    ///< of board_
  std::shared_ptr<const audit::TopicBoard> board_;
  int64_t board_steady_ms_ = 0;
  std::jthread thread_;  ///< last: uses all of the above
};

}  // namespace waybill::cli
