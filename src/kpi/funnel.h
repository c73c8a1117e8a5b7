#pragma once
// Steps of one id: which were reached, the time between them, and who stands still for too long.

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kpi/partial.h"
#include "kpi/program.h"

namespace waybill::kpi {

/// An id that stands at a step for longer than the limit, or (stuck = false) no longer does.
struct StuckChange {
  std::string id;
  std::string group;
  int64_t since_ms = 0;
  uint8_t step = 0;
  bool stuck = false;
};

/// Ids in flight of one KPI. The first line of a step counts; a later line of the same step changes nothing.
/// What is counted does not depend on the order of the lines, as long as none comes later than `keep_ms`.
/// Deterministic: equal events in equal order give equal results, however they are cut into calls. Memory:
/// about 180 bytes an id, for keep_ms after its last line. Not thread-safe.
class Funnel {
 public:
  /// The group to change in the window that begins there.
  using GroupAt = std::function<Group&(WindowSpan window, const std::string& group)>;
  /// `kpi` and what `group_at` refers to outlive this. With `keep_all` no id is forgotten (files that overlap
  /// in time).
  Funnel(const Kpi& kpi, Windows windows, GroupAt group_at);
  void keep_all() { keep_all_ = true; }

  enum class Applied : uint8_t { kDone, kTooFar, kFull };
  /// `watermark_ms`: the newest time before this event.
  Applied apply(const StepEvent& event, int64_t watermark_ms);
  /// Time has come so far: finds who is stuck and forgets who was silent for long.
  void advance(int64_t watermark_ms);

  /// Changes since the last call.
  std::vector<StuckChange> take_stuck();
  size_t size() const { return index_.size(); }
  int64_t repeated() const { return repeated_; }

  /// For the state: ids that changed since the last call, each once, with the time of its last line.
  void take_dirty(const std::function<void(int64_t last_ms, std::string_view bytes)>& each);
  /// One or more records of take_dirty, the newest of an id last. kCorrupt.
  Result<void> restore(std::string_view bytes);

 private:
  static constexpr int32_t kNone = INT32_MIN;
  struct Id {
    std::string text;
    int64_t base_ms = 0;                ///< of the first line that came
    int64_t last_ms = 0;                ///< newest line
    std::array<int32_t, kStepsMax> at;  ///< relative to base_ms; kNone = not reached
    std::array<uint16_t, kStepsMax> group{};
    uint8_t furthest = 0;
    bool stuck = false;
    bool dirty = false;
    bool forget_queued = false;
  };
  struct Hash {
    using is_transparent = void;
    const std::vector<Id>* ids;
    size_t operator()(uint32_t index) const { return (*this)(std::string_view((*ids)[index].text)); }
    size_t operator()(std::string_view text) const;
  };
  struct Equal {
    using is_transparent = void;
    const std::vector<Id>* ids;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t a, std::string_view b) const { return (*ids)[a].text == b; }
    bool operator()(std::string_view a, uint32_t b) const { return (*ids)[b].text == a; }
  };
  using Queue = std::map<int64_t, std::vector<uint32_t>>;  ///< by minute of being due

  uint32_t make(const StepEvent& event);
  void forget(uint32_t index);
  void touch(uint32_t index);
  void set_stuck(Id& id, uint32_t index, bool stuck);
  uint16_t intern(const std::string& group);
  Cell& cell(size_t measure, int64_t ms, uint16_t group);
  int64_t stuck_due(const Id& id) const;
  void queue(uint32_t index);
  std::string encode(const Id& id) const;

  const Kpi& kpi_;
  Windows windows_;
  GroupAt group_at_;
  bool keep_all_ = false;
  std::vector<Id> ids_;
  std::vector<uint32_t> free_;
  absl::flat_hash_set<uint32_t, Hash, Equal> index_;
  Queue stuck_queue_;
  Queue forget_queue_;
  std::vector<std::string> groups_;
  absl::flat_hash_map<std::string, uint16_t> group_index_;
  std::vector<uint32_t> dirty_;
  std::vector<StuckChange> stuck_changes_;
  int64_t repeated_ = 0;
};

}  // namespace waybill::kpi
