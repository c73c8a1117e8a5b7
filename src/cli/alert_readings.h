#pragma once
// What alert rules read from the store: which conditions hold, and their evidence.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "alert/book.h"
#include "alert/texts.h"
#include "cli/config.h"
#include "cli/stream_job.h"
#include "flow/store.h"
#include "kpi/program.h"

namespace waybill::cli {

/// Rows of watch::touched_table that are looked at before the book is committed.
inline constexpr int64_t kTouchedPage = 1'000;
/// A window over its threshold is looked at so often while it grows.
inline constexpr Millis kHotEvery{1'000};
inline constexpr size_t kHotMax = 20'000;          ///< beyond, all are forgotten and looked at at once
inline constexpr int64_t kEvidenceRows = 20;       ///< ranges, ids or reasons in one evidence
inline constexpr size_t kEvidenceTextMax = 1'000;  ///< bytes of a sample's text

/// A source as a process reports it.
struct SourceReading {
  std::string source;  ///< "engine/name"
  bool degraded = false;
  std::string detail;
  int64_t lag_messages = 0;
};
std::vector<SourceReading> source_readings(const std::vector<JobStatus>& statuses);

/// The rules of a configuration: those of `alerts:`, then the watches with `notify:`.
std::vector<alert::Rule> alert_rules(const Config& config);

/// One thread. `config` and `store` outlive it.
class AlertReadings {
 public:
  AlertReadings(const Config& config, flow::Store& store);

  /// Windows of watches that have grown: observed when they are over their threshold, a window at most every
  /// kHotEvery. What was looked at is erased by `rows`, in one commit with the book. True: there may be more.
  Result<bool> watches(alert::Book& book, flow::Rows& rows, Now now);
  /// Every rule of `alerts:` once. `own`: sources of this process. Alerts of a rule that fails keep their
  /// state; the first error is returned.
  Result<void> sweep(alert::Book& book, const std::vector<SourceReading>& own, Now now);

 private:
  struct Seen {
    int64_t count = 0;
    std::string evidence;
  };
  using WindowKey = std::tuple<size_t, int64_t, std::string>;  ///< definition, window, group
  /// A window that was over its threshold when it was looked at.
  struct Hot {
    int64_t looked_ms = 0;  ///< steady
    bool grown = false;     ///< since then
    std::string samples{};  ///< JSON, when there are enough
  };
  Result<void> window(alert::Book& book, size_t definition, int64_t window_ms, const std::string& group,
                      Now now);
  Result<std::string> samples(const WatchDefinition& watch, int64_t window_ms, const std::string& group);
  Result<void> one(alert::Book& book, size_t rule, const std::vector<SourceReading>& own, Now now);
  Result<void> counted(alert::Book& book, size_t rule, std::string_view state, Now now);
  Result<std::string> ranges(const std::string& cluster, const std::string& topic, const std::string& group,
                             const std::string& state, int64_t count);
  Result<void> lag(alert::Book& book, size_t rule, Now now);
  Result<void> buckets(alert::Book& book, size_t rule, Now now);
  Result<void> unconsumed(alert::Book& book, size_t rule, Now now);
  Result<void> reporters(alert::Book& book, size_t rule, Now now);
  Result<void> incomplete(alert::Book& book, size_t rule, Now now);
  Result<void> sources(alert::Book& book, size_t rule, const std::vector<SourceReading>& own, Now now);
  Result<void> kpis(alert::Book& book, size_t rule, Now now);

  const Config& config_;
  flow::Store& store_;
  alert::Texts texts_;
  std::map<std::string, size_t, std::less<>> watch_rules_;  ///< index of the watch's definition, by name
  std::vector<size_t> rule_of_watch_;                       ///< in the book, by definition
  std::map<WindowKey, Hot> hot_;                            ///< at most kHotMax
  std::map<std::string, Seen> evidence_;                    ///< of counted findings, while their number stays
  std::shared_ptr<const kpi::Program> program_;             ///< of the KPIs; shared with what it compiled
};

/// A label name of Prometheus from any text.
std::string label_name(std::string_view text);
/// Adds a label unless the value is empty, which receivers take for no label.
void add_label(alert::Labels& labels, std::string_view name, std::string_view value);
/// A rule that lists nothing is about everything.
bool wanted(const std::vector<std::string>& list, std::string_view name);

}  // namespace waybill::cli
