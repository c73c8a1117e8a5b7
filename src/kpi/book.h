#pragma once
// Blocks joined in their order: what is late, which groups fit, and the windows that change.

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kpi/funnel.h"
#include "kpi/partial.h"
#include "kpi/program.h"

namespace waybill::kpi {

inline constexpr size_t kStuckListedMax = 100'000;  ///< more ids that stand still are counted, not listed

struct Window {
  int64_t end_ms = 0;
  Groups groups;
};

/// One KPI in a Book.
struct KpiState {
  std::map<int64_t, Window> windows;          ///< by start: all of them, or what changed since take_windows()
  int64_t watermark_ms = INT64_MIN;           ///< time of the newest line of the input that is least far
  std::vector<int64_t> newest_ms{INT64_MIN};  ///< by input: time of its newest line
  int64_t too_late = 0;                       ///< lines
  int64_t other_lines = 0;                    ///< lines that went to the group "(other)"
  /// Groups of windows that may still change.
  std::map<int64_t, absl::flat_hash_set<std::string>> known;
  std::map<int64_t, int64_t> ends;                          ///< of the windows in `known`
  std::vector<std::pair<int64_t, std::string>> new_groups;  ///< since take_windows(): window start and key
  std::vector<StuckChange> stuck_changes;    ///< since they were last taken; kept when asked for
  std::vector<int64_t> closed;               ///< windows that left `known` since take_windows()
  std::map<std::string, StuckChange> stuck;  ///< ids that stand still now
  std::unique_ptr<Funnel> funnel;            ///< null without steps
};

/// Joins partials. A window takes lines until the newest line of the KPI is `lateness` behind its end; the
/// result does not depend on where the input was cut into blocks. Not thread-safe.
class Book {
 public:
  explicit Book(std::shared_ptr<const Program> program);
  Book(const Book&) = delete;
  Book& operator=(const Book&) = delete;

  /// Partitions are inputs of their own: what is late is judged by the times of its own input. From now on
  /// lines are of input `number`, from 0.
  void select_input(size_t number);
  /// Where an input stood when the state was stored.
  void restore_newest(size_t kpi, size_t input, int64_t newest_ms);
  /// A group that the window had when the state was stored.
  void restore_group(size_t kpi, int64_t start_ms, const std::string& key);
  /// `base`: added to the places of problems (lines before the block).
  void apply(Partial&& partial, int64_t base);
  /// Another file begins: its times say nothing about the last one's. Ids of steps are no longer forgotten.
  void next_input();
  /// From now on KpiState::stuck_changes is filled.
  void keep_stuck_changes() { keep_stuck_changes_ = true; }
  /// Finds who is stuck; forgets what no line can change. Called by apply(), and when time goes on without
  /// lines.
  void advance();

  std::vector<KpiState>& kpis() { return kpis_; }
  const std::vector<KpiState>& kpis() const { return kpis_; }
  int64_t lines() const { return lines_; }
  int64_t malformed() const { return malformed_; }
  const std::map<ProblemKey, Problem>& problems() const { return problems_; }
  std::map<ProblemKey, Problem> take_problems() { return std::exchange(problems_, {}); }
  const Program& program() const { return *program_; }

 private:
  void apply(size_t index, KpiPart&& part);
  void apply_steps(size_t index, const std::vector<StepEvent>& steps, int64_t before_ms);
  static void settle(KpiState& state);
  void advance_funnel(KpiState& state);
  void add_problem(const ProblemKey& key, const Problem& problem, int64_t base);
  Group& group_at(size_t index, WindowSpan window, const std::string& key);
  std::string admitted(size_t index, WindowSpan window, const std::string& key);

  std::shared_ptr<const Program> program_;  ///< shared with the scanners
  std::vector<KpiState> kpis_;
  int64_t lines_ = 0;
  int64_t malformed_ = 0;
  std::map<ProblemKey, Problem> problems_;
  bool keep_stuck_changes_ = false;
  size_t input_ = 0;
};

/// The key of the group that takes what does not fit: every dimension is "(other)".
std::string other_key(const Kpi& kpi);

}  // namespace waybill::kpi
