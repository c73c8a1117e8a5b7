#pragma once
// Brings what waits for one notifier to its receiver.

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "alert/notifier.h"
#include "base/log.h"
#include "flow/backoff.h"
#include "flow/store.h"

namespace waybill::alert {

inline constexpr size_t kNoticesPerRequest = 50;
inline constexpr int64_t kQueuePage = 200;
/// A notice that the receiver refuses (HTTP 4xx) is offered so often, then given up and counted.
inline constexpr int kRefusalsMax = 5;
inline constexpr Millis kGiveUpAfter{24LL * 3'600'000};  ///< a notice that could not be delivered for so long

/// Written by the deliverer's thread, read by any.
struct DeliveryFigures {
  std::atomic<int64_t> delivered{0};  ///< notices
  std::atomic<int64_t> requests{0};   ///< that were answered well
  std::atomic<int64_t> failures{0};   ///< attempts
  std::atomic<int64_t> dropped{0};    ///< given up
  std::atomic<int64_t> waiting{0};
};

/// One thread. Notices of one rule go together; those of one alert in their order. At least once: a notice is
/// erased from the store after the receiver's answer, and what was answered is not sent again by this object,
/// also when erasing has to be tried again.
class Deliverer {
 public:
  /// `store`, `clock` and `figures` outlive it.
  Deliverer(flow::Store& store, const Clock& clock, flow::OwnerId owner, std::string name, int64_t per_minute,
            std::unique_ptr<Notifier> notifier, DeliveryFigures& figures, LogFn log);
  /// The lease has come to this process: earlier owners are fenced with the next commit.
  Result<void> take();
  /// Sends what is due, at most one request; true: call again at once. Blocks up to kTransferMax. Fenced or
  /// with the store away it does nothing more until take().
  bool step();

 private:
  struct Waiting {
    int64_t sequence = 0;
    int64_t at_ms = 0;
    Notice notice;
  };
  Result<std::vector<Waiting>> read();
  std::vector<Waiting> batch_of(std::vector<Waiting> all) const;
  Result<void> erase_done();
  bool may_send(Now now);
  void refresh(Now now);
  void note(const Sent& sent, std::vector<Waiting>& batch, Now now);

  flow::Store& store_;
  const Clock& clock_;
  flow::OwnerId owner_;
  std::string name_;
  int64_t per_minute_;
  std::unique_ptr<Notifier> notifier_;
  DeliveryFigures& figures_;
  LogFn log_;
  int64_t epoch_ = -1;
  flow::Backoff backoff_;
  std::set<int64_t> done_;  ///< sequences to erase
  int64_t refused_sequence_ = 0;
  int refusals_ = 0;
  bool one_by_one_ = false;  ///< after a refusal, to find the notice that it is about
  double allowance_ = 0;
  int64_t allowance_ms_ = 0;
  int64_t refresh_ms_ = 0;
  bool down_ = false;
};

/// What the store holds of a notifier's queue.
Result<int64_t> count_waiting(flow::Store& store, const std::string& notifier);

}  // namespace waybill::alert
