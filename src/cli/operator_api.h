#pragma once
// What operators may do over HTTP: accept losses, and have lost messages delivered again.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/config.h"
#include "flow/store.h"
#include "http/server.h"
#include "source/redelivery.h"
#include "tally/decision.h"

namespace waybill::cli {

/// Most messages and bytes (keys, values, headers) of one replay request; what is left is for the next.
inline constexpr int64_t kReplayMessagesMax = 1'000;
inline constexpr int64_t kReplayBytesMax = 8 << 20;

/// Decisions are written to the audit topic, where the collector of that topic applies them exactly once;
/// here is only asked and delivered. Any thread; one replay at a time in a process.
class OperatorApi {
 public:
  /// All outlive this.
  OperatorApi(const Config& config, flow::Store& store, const Clock& clock)
      : config_(config), store_(store), clock_(clock) {}

  /// POST /api/v1/topics/{topic}/accept
  http::Response accept(const http::Request& request);
  /// POST /api/v1/topics/{topic}/replay
  http::Response replay(const http::Request& request);

 private:
  struct Replay;
  http::Response replay_in_turn(Replay& replay);
  Result<void> choose(Replay& replay);
  Result<void> leave_out_delivered(Replay& replay);
  Result<void> read(Replay& replay);
  void name_groups(Replay& replay);
  Result<void> begin(Replay& replay);
  Result<void> deliver(Replay& replay);
  Result<void> end(Replay& replay);
  /// Appends a decision to the audit topic, beside the reports of its topic.
  Result<void> write(const source::Redelivery& kafka, const tally::Decision& decision);
  tally::Decision draft(const std::string& topic, const std::string& cluster, int64_t incarnation) const;

  const Config& config_;
  flow::Store& store_;
  const Clock& clock_;
  std::mutex replaying_;
};

/// Routes for operators, and the list of decisions for viewers.
std::vector<http::Route> operator_routes(const Config& config, flow::Store& store, const Clock& clock);

}  // namespace waybill::cli
