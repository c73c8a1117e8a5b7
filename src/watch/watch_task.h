#pragma once
// Rules over one partition of a stream: counts per window and value, samples, what was not there.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "flow/task.h"
#include "watch/redact.h"
#include "watch/rule_set.h"

namespace waybill::watch {

inline constexpr int64_t kAheadMaxMs = 3'600'000;
inline constexpr size_t kSampleBytesMax = 4 << 10;
/// Different values of `by` per watch, window and partition; further ones count as kOtherGroup.
inline constexpr size_t kGroupsMax = 1'000;
inline constexpr size_t kGroupBytesMax = 256;
/// Windows of watches that one Task remembers samples and groups of; beyond, the oldest take no more of
/// either.
inline constexpr size_t kOpenWindowsMax = 4'096;

struct RuleSettings {
  int64_t window_ms = 60'000;
  int64_t samples = 3;
  bool forward = false;
  bool alerts = false;  ///< windows that grow are named in touched_table()
};

/// What all Tasks of one set of rules share. Immutable; any thread.
struct WatchProgram {
  std::unique_ptr<const RuleSet> rules;
  std::vector<RuleSettings> settings;  ///< by rule
  Redactor redactor;
};

/// REQUIRES: `partitions` is one partition. The program is shared by the Tasks of a process, on one thread or
/// several. Memory: one batch joined to lines (kJoinBytes and the largest record), kOpenWindowsMax windows.
std::unique_ptr<flow::Task> make_watch_task(std::shared_ptr<const WatchProgram> program,
                                            std::span<const flow::SourcePartition> partitions);

}  // namespace waybill::watch
