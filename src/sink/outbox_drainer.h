#pragma once
// Brings the outbox's rows to their sinks, and says how many wait.

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.h"
#include "flow/backoff.h"
#include "flow/store.h"
#include "sink/forward_sink.h"
#include "sink/latest_rows.h"

namespace waybill::sink {

inline constexpr std::string_view kOutboxLease = "outbox";
inline constexpr Millis kOutboxLeaseTtl{10'000};
inline constexpr Millis kOutboxLeaseRenew{3'000};
inline constexpr Millis kOutboxLeaseRetry{1'000};
/// Rows that are read at once for one sink: between these, so that a page has about kPageBytes. Servers of
/// databases may send a page whole.
inline constexpr int64_t kPageRowsMin = 1;  // of huge records
inline constexpr int64_t kPageRowsFirst = 8;
inline constexpr int64_t kPageRowsMax = 8'192;
inline constexpr size_t kPageBytes = 4 << 20;
/// In one step, also of rows that are for others.
inline constexpr int64_t kStepRowsMax = 65'536;
/// With more rows in the outbox, those that a later one makes needless are looked for.
inline constexpr int64_t kLookFromRows = 1'024;
/// How long one sink may keep the others waiting.
inline constexpr Millis kDeliverWait{2'000};
inline constexpr Millis kSinkCheckEvery{1'000};

/// A row for a sink; `sink` is an index.
struct Routed {
  size_t sink = 0;
  ForwardRecord record;
};
/// nullopt: no sink wants the row, or it cannot be read. It is given up and counted. May take texts out of
/// the row.
using Route = std::function<std::optional<Routed>(flow::OutboxRow&&)>;

struct NamedSink {
  std::string name;  ///< for the log and the metrics
  std::unique_ptr<ForwardSink> sink;
  /// While this sink is down and more rows than this are in the outbox, what waits for it is given up: its
  /// check() finds that it lacks them. 0 = nothing is given up.
  int64_t rows_max = 0;
  /// A row says all that earlier ones with its table and key said: these are not delivered while it waits.
  bool latest_only = false;
};

/// What the metrics say. Written by the drainer's thread, read by any.
struct OutboxFigures {
  explicit OutboxFigures(std::vector<std::string> sink_names)
      : names(std::move(sink_names)), sinks(names.size()) {}
  struct Sink {
    std::atomic<int64_t> forwarded{0};   ///< acknowledged
    std::atomic<int64_t> failures{0};    ///< attempts that failed and are tried again
    std::atomic<int64_t> refused{0};     ///< given up: the sink never takes them
    std::atomic<int64_t> superseded{0};  ///< not delivered: a later one of the same name was
  };
  const std::vector<std::string> names;
  std::vector<Sink> sinks;
  std::atomic<int64_t> rows{0};      ///< in the outbox, as last measured plus what was committed here since
  std::atomic<int64_t> unrouted{0};  ///< given up: no sink for them
};

/// Of all processes that share the store the one that holds the lease delivers; the others only measure. Each
/// sink goes through the outbox at its own pace; a row is deleted once no sink needs it or any before it. A
/// sink that fails backs off (1 s to 30 s) and holds up nobody else, but rows behind its first one stay;
/// after a change of the lease or a restart the other sinks get them again. Needs the whole outbox: no other
/// reader.
class OutboxDrainer {
 public:
  /// `store`, `clock` and `figures` outlive it. `figures` has one entry per sink.
  OutboxDrainer(flow::Store& store, const Clock& clock, flow::OwnerId owner, std::vector<NamedSink> sinks,
                Route route, OutboxFigures& figures, LogFn log);
  /// One offer to each sink that is due. True: there was something to do, call again at once. Errors are
  /// logged and tried again by calling later. Blocks up to kDeliverWait per sink; `stop` ends it between
  /// sinks.
  bool step(const std::stop_token& stop = {});
  /// From any thread, before the end: what a sink waits for ends soon.
  void interrupt();
  /// Counts the rows of the outbox into `figures`.
  Result<void> measure();

 private:
  struct State {
    int64_t cursor = 0;   ///< nothing up to here is needed any more
    int64_t read_to = 0;  ///< what is needed from there to here is in `offered`
    std::vector<ForwardRecord> offered;
    size_t offered_bytes = 0;
    int64_t page_rows = kPageRowsFirst;
    LatestRows latest;
    flow::Backoff backoff;
    int64_t check_ms = INT64_MIN;  ///< steady
    bool down = false;
    bool gave_up = false;  ///< since it is down
  };
  Result<bool> held();
  Result<void> begin();
  Result<bool> drain(size_t at);
  /// Reads until the sink's bound or the outbox's end is reached. True: there was something to read.
  Result<bool> fill(size_t at);
  void offer(size_t at, flow::OutboxRow&& row);
  void pop_done(State& state, size_t done);
  /// Nothing up to `cursor` is needed.
  void restart(State& state, int64_t cursor);
  /// Whether records may be delivered.
  bool checked(size_t at);
  Result<void> give_up();
  void note(size_t at, const Delivery& delivery);
  Result<void> delete_done();

  flow::Store& store_;
  const Clock& clock_;
  flow::OwnerId owner_;
  std::vector<NamedSink> sinks_;
  Route route_;
  OutboxFigures& figures_;
  LogFn log_;
  std::vector<State> states_;
  bool held_ = false;
  int64_t epoch_ = 0;                 ///< of the lease
  int64_t ask_lease_ms_ = INT64_MIN;  ///< steady
  int64_t deleted_ = 0;               ///< up to here
  int64_t unrouted_seen_ = 0;         ///< rows up to here are in figures_.unrouted
  bool store_failed_ = false;
};

}  // namespace waybill::sink
