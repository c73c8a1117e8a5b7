#pragma once
// Answers about stored figures, as JSON. Reads the store only, never a Task.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "flow/store.h"
#include "kpi/program.h"

namespace waybill::kpi {

/// Groups that one answer may have (of other answers: rows that it may be made of); more is kLimit.
inline constexpr int64_t kQueryRowsMax = 100'000;
inline constexpr int64_t kStuckListedInAnswer = 1'000;

/// When an agent counts as silent.
struct AgentRule {
  int32_t expected = 0;  ///< 0 = as many as were ever seen
  int64_t silent_ms = 60'000;
};

struct WindowQuery {
  int64_t from_ms = 0;  ///< windows that begin in [from_ms, to_ms)
  int64_t to_ms = 0;
  /// Dimensions to keep; the others are added up. nullopt = all.
  std::optional<std::vector<std::string>> by;
};

/// {"kpis":[{"name","source","window_ms","zone","by","values","newest","too_late","complete","why","problems"}]}
Result<std::string> kpis_json(flow::Store& store, const Program& program, AgentRule agents, Now now);

/// {"name","windows":[{"start","start_ms","by","values","complete","why"}],"totals","complete","why","stuck"}.
/// kNotFound: no such KPI; kInvalid: no such dimension; kLimit: more than kQueryRowsMax groups.
Result<std::string> windows_json(flow::Store& store, const Program& program, std::string_view name,
                                 const WindowQuery& query, AgentRule agents, Now now);

}  // namespace waybill::kpi
