#pragma once
// What operators may decide about, and what they decided, read from the store's rows.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/query.h"
#include "base/types.h"
#include "flow/store.h"
#include "tally/decision.h"

namespace waybill::audit {

/// Lost messages of one group in one partition, of one reason and bucket.
struct LostRange {
  PartitionId partition;
  OffsetRange range;
  std::string state;     ///< lost or replayed
  std::string reason;    ///< of the loss
  std::string decision;  ///< replayed: by which
};

struct Selection {
  std::string cluster;
  int64_t incarnation = 0;        ///< the topic's present life; earlier ones cannot be decided about
  std::vector<LostRange> ranges;  ///< sorted by partition and offset, disjoint
  int64_t messages() const;
};

/// Ranges of one selection; more are kLimit.
inline constexpr int64_t kSelectionMax = 10'000;

/// What the group of the parameters lost in the topic, or what was replayed since (parameter `state`: lost,
/// the default, or replayed). Parameters: group (needed), cluster, from and to (times, by bucket), partition,
/// first_offset and last_offset (inclusive; a part of a finding is cut out; they need `partition`). Errors:
/// kInvalid, kNotFound (no such topic), kConflict, kLimit, those of the store.
Result<Selection> select_lost(flow::Store& store, std::string_view topic, const Params& params, Now now);

/// The ranges by partition, joined, as a decision names them.
std::vector<tally::DecidedPartition> decided(const std::vector<LostRange>& ranges);

/// A row of audit_decision; ranges with inclusive ends, as the row has them.
struct DecisionRow {
  struct Run {
    int64_t partition = 0, first = 0, last = 0, to_partition = -1, to_first = -1;
  };
  std::string id, group, kind, state, by, reason, to_topic, detail;
  int64_t decided_ms = 0, applied_ms = 0, incarnation = 0, messages = 0;
  std::vector<Run> ranges, moved, unsure;
};

/// Of one topic, newest first; `group` and `id` empty = any. At most 10,000. Errors: those of the store.
Result<std::vector<DecisionRow>> decisions(flow::Store& store, std::string_view cluster,
                                           std::string_view topic, std::string_view group,
                                           std::string_view id);

/// Groups whose reading of the topic is audited, or was. Errors: those of the store.
Result<std::vector<std::string>> groups_of(flow::Store& store, std::string_view cluster,
                                           std::string_view topic);

/// GET /api/v1/topics/{topic}/decisions, parameters cluster and group. Errors as those of query.h.
Result<std::string> decisions_json(flow::Store& store, std::string_view topic, const Params& params, Now now);

}  // namespace waybill::audit
