#pragma once
// Which decisions were applied, and which replays are under way. Pure.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit/state_codec.h"
#include "base/types.h"
#include "tally/decision.h"

namespace waybill::audit {

/// Of one audit partition. Not thread-safe.
class DecisionBook {
 public:
  static constexpr size_t kRecentMax = 10'000;  ///< decisions remembered; the oldest is forgotten first
  static constexpr size_t kRunsMax =
      100'000;  ///< ranges of all replays under way; the oldest replay is forgotten

  /// Messages that are back in their topic and were not consumed yet.
  struct Waiting {
    PartitionId partition;
    tally::Moved moved;
  };
  struct Replay {
    tally::Decision begin;
    std::optional<tally::Decision> end;  ///< its `ranges` may have been delivered; without it, all of begin's
    std::vector<Waiting> waiting;
  };

  /// Whether a decision of this id and kind was applied already.
  bool known(const Id128& id, tally::DecisionKind kind) const;
  void note(const Id128& id, tally::DecisionKind kind);

  void begin(const tally::Decision& decision);
  Replay* find(const Id128& id);
  const Replay* find(const Id128& id) const;
  void forget(const Id128& id) { replays_.erase(id); }
  /// Forgets the oldest until kRunsMax is kept; returns those.
  std::vector<Replay> shrink();
  const std::map<Id128, Replay>& replays() const { return replays_; }

  /// A replay of the same place that may have delivered something of these ranges; null when none did.
  const Replay* overlapping(const tally::Decision& decision) const;

  void save(StateWriter& out) const;
  void load(StateReader& in);

 private:
  std::deque<std::pair<Id128, tally::DecisionKind>> recent_;  ///< oldest first
  std::map<std::pair<Id128, tally::DecisionKind>, int> known_;
  std::map<Id128, Replay> replays_;
};

/// Runs that a replay still holds.
size_t run_count(const DecisionBook::Replay& replay);

}  // namespace waybill::audit
