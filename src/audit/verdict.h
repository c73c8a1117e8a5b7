#pragma once
// The table of DESIGN 4.2 as a pure function: what a suspected range is, given what the broker answered.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "flow/source.h"
#include "tally/bucket.h"

namespace waybill::audit {

/// States of a finding; the same words in code, API and page. Counted in this order in the value columns of
/// tables.h.
enum class State : uint8_t {
  kPending,
  kSuspected,
  kLost,
  kLate,
  kRedelivered,
  kUnconfirmed,
  kExcused,
  kAccepted,
  kReplayed,
};
std::string_view state_name(State state);

enum class Reason : uint8_t {
  kNone,
  kSkipped,           ///< lost: the message is there, the group has passed it
  kExpired,           ///< lost: below the log start, never handed out
  kTruncated,         ///< lost: acknowledged, and the log does not hold it any more
  kHandover,          ///< redelivered: first reads after another reporter
  kRestart,           ///< redelivered: the same consumer started again
  kRewind,            ///< redelivered: the same client went back
  kAborted,           ///< excused: a transaction that was aborted
  kControl,           ///< excused: a marker of the broker
  kCompacted,         ///< excused: compaction removed it
  kReporterVanished,  ///< unconfirmed: who may have seen it went silent
  kReportMissing,     ///< unconfirmed: a report of who may have seen it never came
  kUnauditedMember,   ///< unconfirmed: a member without the plugin read there
  kOpenTransaction,   ///< pending: at or above the last stable offset
  kMissingRight,      ///< suspected: the broker refuses what is needed to judge
  kBeyondBudget,      ///< suspected: verification is off or its budget is spent
};
/// Empty for kNone.
std::string_view reason_name(Reason reason);

enum class CleanupPolicy : uint8_t { kUnknown, kDelete, kCompact };

/// What is known about a range before the broker is asked. Every offset of the range was acknowledged to an
/// audited producer, or (claimed == false) only the log says that something was written there.
struct Suspicion {
  OffsetRange range;
  tally::BucketLabel label;  ///< the bucket of the range
  int64_t bucket_ms = 60'000;
  bool claimed = true;         ///< an audited producer reported these offsets as acknowledged
  bool claimed_twice = false;  ///< by two producers' reports
  Reason taint =
      Reason::kNone;  ///< kReporterVanished, kReportMissing or kUnauditedMember: no loss can be proven
  CleanupPolicy policy = CleanupPolicy::kUnknown;
  int64_t past_end_ms = 0;            ///< for how long the range has been seen past the end of the log
  int64_t past_end_hold_ms = 30'000;  ///< replicas may lag: before this, past the end is not a loss
};

/// The two readings of exactly that range.
struct Evidence {
  flow::RangeAnswer committed;    ///< Isolation::kCommitted; its bounds.end is the last stable offset
  flow::RangeAnswer uncommitted;  ///< Isolation::kUncommitted
};

struct Verdict {
  OffsetRange range;
  State state = State::kSuspected;
  Reason reason = Reason::kNone;
  bool operator==(const Verdict&) const = default;
};

/// Splits the range into sub-ranges with one verdict each, ascending, without gaps, neighbours differing.
/// What the broker did not judge (judged_to) stays kSuspected with kNone: ask again. Cost: linear in the
/// records of the evidence plus sub-ranges.
std::vector<Verdict> judge(const Suspicion& suspicion, const Evidence& evidence);

}  // namespace waybill::audit
