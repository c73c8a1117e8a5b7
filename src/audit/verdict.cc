#include "audit/verdict.h"

#include <algorithm>

#include "base/assert.h"

namespace waybill::audit {
namespace {

using flow::RangeRecord;

/// Walks records of one answer in step with ascending offsets.
class Cursor {
 public:
  explicit Cursor(const std::vector<RangeRecord>& records) : records_(records) {}

  const RangeRecord* at(Offset offset) {
    while (next_ < records_.size() && records_[next_].offset < offset) ++next_;
    return next_ < records_.size() && records_[next_].offset == offset ? &records_[next_] : nullptr;
  }
  /// Lowest offset >= the last asked one at which a record stands, or `end`.
  Offset upcoming(Offset end) const {
    return next_ < records_.size() ? std::min(records_[next_].offset, end) : end;
  }

 private:
  const std::vector<RangeRecord>& records_;
  size_t next_ = 0;
};

struct Word {
  State state;
  Reason reason;
};

/// A loss is a loss only when nobody unheard may have seen the message.
Word loss(const Suspicion& s, Reason reason) {
  if (s.taint != Reason::kNone) return {State::kUnconfirmed, s.taint};
  return {State::kLost, reason};
}

bool in_bucket(const Suspicion& s, const RangeRecord& record) {
  if (s.label.kind != tally::BucketKind::kNormal) return true;  // no time to compare with
  return tally::bucket_start(record.time_ms, s.bucket_ms) == s.label.start;
}

Word judge_present(const Suspicion& s, const RangeRecord& record, bool in_committed) {
  if (s.claimed && !in_bucket(s, record))
    return loss(s, Reason::kTruncated);  // another record took the offset
  if (s.claimed && s.claimed_twice) return loss(s, Reason::kTruncated);
  if (!in_committed) return {State::kExcused, Reason::kAborted};
  return loss(s, Reason::kSkipped);
}

/// Below the last stable offset, and neither reading returned a record.
Word judge_absent(const Suspicion& s) {
  if (s.policy == CleanupPolicy::kCompact) return {State::kExcused, Reason::kCompacted};
  if (!s.claimed) return {State::kExcused, Reason::kControl};
  if (s.policy == CleanupPolicy::kUnknown) return {State::kSuspected, Reason::kMissingRight};
  return loss(s, Reason::kTruncated);
}

Word judge_past_end(const Suspicion& s) {
  if (!s.claimed || s.past_end_ms < s.past_end_hold_ms) return {State::kSuspected, Reason::kNone};
  return loss(s, Reason::kTruncated);
}

void append(std::vector<Verdict>& out, OffsetRange range, Word word) {
  if (range.empty()) return;
  if (!out.empty() && out.back().state == word.state && out.back().reason == word.reason) {
    ASSERT(out.back().range.end == range.begin);
    out.back().range.end = range.end;
    return;
  }
  out.push_back({range, word.state, word.reason});
}

}  // namespace

std::vector<Verdict> judge(const Suspicion& s, const Evidence& e) {
  std::vector<Verdict> out;
  Cursor committed(e.committed.records);
  Cursor uncommitted(e.uncommitted.records);
  const Offset log_start = std::max(e.committed.bounds.start, e.uncommitted.bounds.start);
  const Offset stable_end = e.committed.bounds.end;
  const Offset log_end = e.uncommitted.bounds.end;

  Offset at = s.range.begin;
  while (at < s.range.end) {
    // The longest stretch from `at` on which every comparison below has one answer.
    Offset to = s.range.end;
    for (Offset border : {log_start, stable_end, log_end, e.committed.judged_to, e.uncommitted.judged_to}) {
      if (border > at) to = std::min(to, border);
    }
    const RangeRecord* in_committed = committed.at(at);
    const RangeRecord* in_uncommitted = uncommitted.at(at);
    const RangeRecord* record = in_uncommitted ? in_uncommitted : in_committed;
    to = record ? at + 1 : committed.upcoming(uncommitted.upcoming(to));

    Word word{State::kSuspected, Reason::kNone};
    if (at < log_start) {
      word = loss(s, Reason::kExpired);
    } else if (at >= log_end) {
      word = judge_past_end(s);
    } else if (at >= stable_end) {
      word = {State::kPending, Reason::kOpenTransaction};
    } else if (at >= e.committed.judged_to || at >= e.uncommitted.judged_to) {
      // The broker did not get this far: ask again.
    } else if (record) {
      word = judge_present(s, *record, in_committed != nullptr);
    } else {
      word = judge_absent(s);
    }
    append(out, {at, to}, word);
    at = to;
  }
  return out;
}

std::string_view state_name(State state) {
  switch (state) {
    case State::kPending:
      return "pending";
    case State::kSuspected:
      return "suspected";
    case State::kLost:
      return "lost";
    case State::kLate:
      return "late";
    case State::kRedelivered:
      return "redelivered";
    case State::kUnconfirmed:
      return "unconfirmed";
    case State::kExcused:
      return "excused";
    case State::kAccepted:
      return "accepted";
    case State::kReplayed:
      return "replayed";
  }
  ASSERT(false);
}

std::string_view reason_name(Reason reason) {
  switch (reason) {
    case Reason::kNone:
      return "";
    case Reason::kSkipped:
      return "skipped";
    case Reason::kExpired:
      return "expired";
    case Reason::kTruncated:
      return "truncated";
    case Reason::kHandover:
      return "handover";
    case Reason::kRestart:
      return "restart";
    case Reason::kRewind:
      return "rewind";
    case Reason::kAborted:
      return "aborted";
    case Reason::kControl:
      return "control";
    case Reason::kCompacted:
      return "compacted";
    case Reason::kReporterVanished:
      return "reporter_vanished";
    case Reason::kReportMissing:
      return "report_missing";
    case Reason::kUnauditedMember:
      return "unaudited_member";
    case Reason::kOpenTransaction:
      return "open_transaction";
    case Reason::kMissingRight:
      return "missing_right";
    case Reason::kBeyondBudget:
      return "beyond_budget";
  }
  ASSERT(false);
}

}  // namespace waybill::audit
