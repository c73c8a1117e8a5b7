#pragma once
// Who reports: numbers applied, what is missing of them, liveness, and the barrier (DESIGN 4.1, 4.5). Pure.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "audit/state_codec.h"
#include "base/types.h"
#include "tally/coverage.h"
#include "tally/report.h"

namespace waybill::audit {

/// Number of a topic inside one collector.
using TopicIndex = uint32_t;

/// A hole in a reporter's numbers, by its first missing number.
struct Hole {
  uint64_t end = 0;  ///< one past the last missing number
  int64_t from_ms =
      0;  ///< what is missing lies between: complete_up_to of the number below (estimated when none is)
  int64_t to_ms = 0;            ///< ... and from_ms of the number above (the reporter's own clock)
  int64_t backlog_from_ms = 0;  ///< buckets of older messages that it was reading then; both 0 = none
  int64_t backlog_to_ms = 0;
  int64_t noticed_ms = 0;  ///< audit time
  bool posted = false;     ///< rows of audit_incomplete exist
};

struct Reporter {
  Id128 id;
  std::string host, ip, service, data_center;
  uint64_t pid = 0;
  std::map<uint32_t, tally::ClientInfo> clients;  ///< at most kClientsMax
  std::set<TopicIndex> topics;                    ///< that it ever told us about
  std::set<std::string> groups;                   ///< of its clients
  tally::Coverage applied;                        ///< numbers
  std::map<uint64_t, Hole> holes;
  int64_t last_sequence =
      -1;  ///< of its newest record (the last part of a split report) with a number above all earlier ones
  int64_t previous_sequence = -1;  ///< of the one before
  int64_t first_seen_ms = 0;       ///< audit time
  int64_t last_seen_ms = 0;
  int64_t complete_up_to_ms = 0;  ///< its own clock
  int64_t bucket_from_ms = 0;     ///< buckets in its newest report that had some; both 0 = none
  int64_t bucket_to_ms = 0;
  int64_t vanished_from_ms = 0;  ///< key of its reporter_vanished rows
  bool closed = false;
  bool vanished = false;
  bool presumed_dead = false;  ///< vanished so long ago that its interval was closed

  static constexpr size_t kClientsMax = 1024;
  bool open() const { return !closed && !vanished; }
  int64_t missing_reports() const;
  void save(StateWriter& out) const;
  static Reporter load(StateReader& in);
};

/// A change to audit_incomplete for every topic of a reporter.
struct IncompleteChange {
  static constexpr std::string_view kReportMissing = "report_missing";
  static constexpr std::string_view kReporterVanished = "reporter_vanished";
  enum class Op : uint8_t { kPost, kErase } op = Op::kPost;
  Id128 reporter;
  std::string_view reason;
  int64_t from_ms = 0;
  int64_t to_ms = 0;  ///< 0 = still open
  std::string detail;
  bool operator==(const IncompleteChange&) const = default;
};

/// The reporters of one audit partition. Not thread-safe.
class ReporterBook {
 public:
  struct Limits {
    int64_t grace_ms = 10'000;
    int64_t vanished_ms = 10'000;
    size_t reporters_max = 10'000;
  };
  enum class Seen : uint8_t { kNew, kRepeat, kOverflow };

  explicit ReporterBook(Limits limits) : limits_(limits) {}

  /// Notes one report; everything but kNew must not be applied. Appends what changes in audit_incomplete.
  Seen apply(const tally::Report& report, int64_t sequence, int64_t time_ms,
             std::vector<IncompleteChange>& changes);
  /// Notes that a report told about `topic`; posts what is already known to be missing of it for that topic
  /// too.
  void add_topic(Reporter& reporter, TopicIndex topic, std::vector<IncompleteChange>& for_topic);
  /// Ages holes and silence at audit time `clock_ms`. Returns whether anything changed.
  bool tick(int64_t clock_ms, std::vector<IncompleteChange>& changes, std::vector<Id128>& touched);

  /// What all open reporters of something have in common.
  struct Floor {
    int64_t barrier =
        INT64_MAX;  ///< records with a lower sequence are behind it: each has delivered two more since
    int64_t complete_up_to_ms = INT64_MAX;  ///< each is complete up to here
  };
  /// By group; a group without an open reporter is absent. One pass over the reporters.
  std::map<std::string, Floor> group_floors() const;
  std::map<TopicIndex, Floor> topic_floors() const;
  /// Whether `later` is `earlier` started again: one of them is gone and they name the same instance, or
  /// host, service and client id. `time_ms` is the audit time.
  bool restarted(const Id128& earlier, uint32_t earlier_client, const Id128& later, uint32_t later_client,
                 int64_t time_ms) const;

  Reporter* find(const Id128& id);
  const Reporter* find(const Id128& id) const;
  const std::map<Id128, Reporter>& all() const { return reporters_; }
  void load(Reporter reporter);

 private:
  bool make_room(int64_t time_ms);
  void fill_hole(Reporter& r, std::map<uint64_t, Hole>::iterator hole, const tally::Report& report,
                 std::vector<IncompleteChange>& changes);
  void open_hole(Reporter& r, uint64_t begin, const tally::Report& report, int64_t time_ms,
                 std::vector<IncompleteChange>& changes);

  Limits limits_;
  std::map<Id128, Reporter> reporters_;
};

}  // namespace waybill::audit
