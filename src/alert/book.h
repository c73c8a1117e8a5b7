#pragma once
// The states of alerts: inactive, pending, firing, resolved. Pure: time comes in, rows go out.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "alert/alert.h"
#include "base/result.h"
#include "flow/store.h"

namespace waybill::alert {

inline constexpr size_t kAlertsMax = 10'000;  ///< pending or firing; further ones are counted and not kept
inline constexpr int64_t kQueueMax =
    10'000;  ///< notices that wait for one notifier; beyond, dropped, counted
inline constexpr Millis kGrowthEvery{60'000};
inline constexpr size_t kEvidenceBytesMax = 32 << 10;

/// One thread. Holds every alert that is pending or fires. What changes is written by flush(), in one
/// transaction with what it was made from; when that commit fails, the book is thrown away and restored.
class Book {
 public:
  explicit Book(std::vector<Rule> rules);
  /// Reads the store; `segments` are of the task that commits what flush() gives. Alerts of rules that exist
  /// no longer are resolved by the next advance().
  Result<void> restore(flow::Store& store, const flow::SegmentReader& segments);

  /// The condition of a rule holds, as of now. Twice within one advance() is once, the newer one.
  void observe(size_t rule, Observation observation, Now now);
  /// Everything that holds of a rule was observed between these two; what was not, holds no longer.
  void begin_sweep(size_t rule);
  void end_sweep(size_t rule, Now now);

  /// Moves states on. `muted`: ids that nobody is told of, except that what they were told of is resolved.
  void advance(const std::set<std::string>& muted, Now now);
  /// Adds what changed since the last call to `changes`.
  void flush(flow::Changes& changes);

  struct Figures {
    int64_t pending = 0, firing = 0;
    int64_t overflow = 0;  ///< observations beyond kAlertsMax, since the start
    int64_t dropped = 0;   ///< notices beyond kQueueMax, since the start
  };
  Figures figures() const;
  /// Notifiers that flush() wrote notices for since the last call.
  std::set<std::string> take_touched();
  /// Notices that wait for a notifier as far as known; the deliverer takes them away.
  void set_waiting(const std::string& notifier, int64_t waiting) { waiting_[notifier] = waiting; }

  const std::vector<Rule>& rules() const { return rules_; }

 private:
  static constexpr size_t kNoRule = SIZE_MAX;
  struct Alert {
    size_t rule = kNoRule;
    std::string rule_name;
    Severity severity = Severity::kWarning;
    State state = State::kPending;
    Labels labels;
    std::string summary, description, evidence, link;
    std::vector<std::string> receivers;
    double value = 0;
    int64_t since_ms = 0, began_ms = 0, fired_ms = 0, resolved_ms = 0;
    int64_t holds_until_ms = 0;  ///< 0 = until a sweep does not see it
    int64_t ended_ms = 0;
    int64_t told_ms = 0;
    double told_value = 0;
    uint64_t seen = 0;  ///< last sweep
    bool changed = false;
  };
  using Alerts = std::map<std::string, Alert>;

  void read(const flow::Page::Row& row);
  bool holds(const Alert& alert, int64_t now_ms) const;
  void enter(const std::string& id, Alert& alert, State state, int64_t now_ms);
  void tell(const std::string& id, Alert& alert, bool resolved, int64_t now_ms);
  bool wants_telling(const Alert& alert, int64_t now_ms) const;
  void event(const std::string& id, std::string_view state, double value, int64_t now_ms);
  void write(const std::string& id, const Alert& alert);
  int64_t next_sequence(int64_t now_ms);

  std::vector<Rule> rules_;
  std::map<std::string, size_t> rule_of_;
  Alerts alerts_;
  uint64_t sweep_ = 0;
  int64_t sequence_ = 0;  ///< the highest that was given; stored, because the clock may go back
  int64_t stored_sequence_ = 0;
  int64_t overflow_ = 0, dropped_ = 0;
  std::map<std::string, int64_t> waiting_;
  std::set<std::string> touched_;
  flow::Rows rows_;
};

}  // namespace waybill::alert
