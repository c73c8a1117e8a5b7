#pragma once
// A transport and helpers for the tests of this folder. A clock is not needed: time is an argument
// everywhere.

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/recorder.h"
#include "client/transport.h"

namespace waybill::client {

/// Keeps what is sent. `fate` decides about each send: whether the bytes arrive, and whether that is
/// acknowledged.
class FakeTransport : public Transport {
 public:
  struct Fate {
    bool arrives = true;
    bool acknowledged = true;
    int delay = 0;  ///< calls of outcomes() until the outcome is known
  };
  struct Arrived {
    PartitionId partition;
    std::string bytes;
  };

  std::optional<Destination> where = Destination{"cluster", 4};
  std::function<Fate(PartitionId)> fate = [](PartitionId) { return Fate{}; };
  bool accepts = true;
  std::vector<Arrived> arrived;  ///< in the order of the log
  std::vector<Arrived> tried;    ///< every accepted send
  std::map<PartitionId, int> in_flight;
  int most_in_flight = 0;

  std::optional<Destination> destination() override { return where; }
  bool send(PartitionId partition, std::string_view bytes) override {
    if (!accepts) return false;
    Fate decided = fate(partition);
    tried.push_back({partition, std::string(bytes)});
    if (decided.arrives) arrived.push_back({partition, std::string(bytes)});
    most_in_flight = std::max(most_in_flight, ++in_flight[partition]);
    waiting_.push_back({{partition, decided.arrives && decided.acknowledged}, decided.delay});
    return true;
  }
  void outcomes(std::vector<Sent>& out) override {
    std::deque<std::pair<Sent, int>> later;
    for (auto& [sent, delay] : waiting_) {
      if (delay > 0) {
        later.push_back({sent, delay - 1});
      } else {
        --in_flight[sent.partition];
        out.push_back(sent);
      }
    }
    waiting_ = std::move(later);
  }

 private:
  std::deque<std::pair<Sent, int>> waiting_;
};

inline tally::ClientInfo producer_info(std::string id = "p") {
  tally::ClientInfo info;
  info.client_id = std::move(id);
  info.kind = tally::TierKind::kProduced;
  return info;
}

inline tally::ClientInfo consumer_info(std::string group = "g") {
  tally::ClientInfo info;
  info.client_id = "c";
  info.kind = tally::TierKind::kConsumed;
  info.group = std::move(group);
  return info;
}

/// Everything that `recorder` gathered since the last drain, as one report.
inline tally::Report drain_all(Recorder& recorder) {
  Pending pending(recorder.limits());
  recorder.drain(pending);
  tally::Report report;
  pending.take(PartitionId(0), 1, report);
  report.dropped.messages += pending.unnamed().messages;
  report.dropped.topics += pending.unnamed().topics;
  return report;
}

}  // namespace waybill::client
