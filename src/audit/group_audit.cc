#include "audit/group_audit.h"

#include <algorithm>

namespace waybill::audit {
namespace {

/// Gap records kept apart; beyond, the two oldest are joined under the later one's barrier (later is safer).
constexpr size_t kWaitingMax = 4096;
/// Redelivered ranges kept per group and partition; older ones keep their rows but are no longer extended.
constexpr size_t kRedeliveredMax = 10'000;
/// Ranges kept in all before excused ones (then all whose state is final) are forgotten, lowest first; their
/// rows stay.
constexpr size_t kExcusedMax = 10'000;
constexpr size_t kJudgedMax = 200'000;
constexpr size_t kScanMax = 4096;  ///< looked at in one step for that

OffsetRange clip(OffsetRange range, Offset begin, Offset end) {
  return {std::max(range.begin, begin), std::min(range.end, end)};
}

}  // namespace

std::string_view to_string(RedeliveryReason reason) {
  switch (reason) {
    case RedeliveryReason::kHandover:
      return "handover";
    case RedeliveryReason::kRestart:
      return "restart";
    case RedeliveryReason::kRewind:
      return "rewind";
  }
  return "handover";
}

void GroupAudit::baseline(Offset at, const tally::Coverage& produced, const LabelMap& labels,
                          StepContext& step) {
  if (!judged_ || at.value < 0 || (baseline_.value >= 0 && baseline_ <= at)) return;
  Offset end = baseline_.value >= 0 ? baseline_ : Offset(INT64_MAX);
  baseline_ = at;
  for (const OffsetRange& run : produced.within({at, end})) {
    for (const OffsetRange& gap : consumed_.missing(run)) {
      for (const auto& [piece, label] : labels.pieces(gap)) owe(piece, label, step);
    }
  }
}

void GroupAudit::produced(OffsetRange fresh, const tally::BucketLabel& label, StepContext& step) {
  for (const OffsetRange& seen : consumed_.within(fresh)) {
    step.deltas->at(step.group, label).unaudited -= seen.size();
  }
  if (!judged_ || baseline_.value < 0) return;
  OffsetRange owed = clip(fresh, baseline_, Offset(INT64_MAX));
  if (owed.empty()) return;
  for (const OffsetRange& gap : consumed_.missing(owed)) owe(gap, label, step);
}

void GroupAudit::owe(OffsetRange range, const tally::BucketLabel& label, StepContext& step) {
  if (step.ranges_left == 0 && !missing_.intersects({range.begin - 1, range.end + 1})) {
    step.overflow += range.size();
    return;
  }
  missing_.update(range, step.clock_ms,
                  [&](OffsetRange piece, const Missing* there) -> std::optional<Missing> {
                    if (there) return *there;
                    step.deltas->at(step.group, label).pending += piece.size();
                    return Missing{.label = label};
                  });
  wait(clip(range, range.begin, high_), step.sequence);
}

void GroupAudit::wait(OffsetRange range, int64_t sequence) {
  if (range.empty()) return;
  if (!waiting_.empty() && waiting_.back().sequence == sequence && range.begin <= waiting_.back().range.end &&
      waiting_.back().range.begin <= range.end) {
    OffsetRange& last = waiting_.back().range;
    last = {std::min(last.begin, range.begin), std::max(last.end, range.end)};
    return;
  }
  waiting_.push_back({sequence, range});
  if (waiting_.size() <= kWaitingMax) return;
  Waiting oldest = waiting_.front();
  waiting_.pop_front();
  Waiting& next = waiting_.front();
  next.range = {std::min(oldest.range.begin, next.range.begin), std::max(oldest.range.end, next.range.end)};
}

void GroupAudit::settle_seen(OffsetRange fresh, StepContext& step) {
  if (!missing_.intersects(fresh)) return;
  missing_.update(fresh, step.clock_ms,
                  [&](OffsetRange piece, const Missing* there) -> std::optional<Missing> {
                    if (!there || there->state == State::kLate)
                      return there ? std::optional(*there) : std::nullopt;
                    Sums& sums = step.deltas->at(step.group, there->label);
                    sums.of(there->state) -= piece.size();
                    if (there->lost_ms == 0) return std::nullopt;  // it was never called lost
                    sums.late += piece.size();
                    sums.lost_retracted += piece.size();
                    return Missing{State::kLate, Reason::kNone, false, there->label, there->lost_ms};
                  });
}

void GroupAudit::handed_out(const HandOut& what, const tally::Coverage& produced, const Restarted& restarted,
                            StepContext& step) {
  auto found = readers_.find(what.reader);
  Reader own;  // what this session had been handed before this report; nothing when the session is new
  if (found != readers_.end() && found->second.session == what.session) own = found->second;
  std::vector<OffsetRange> fresh, overlap;
  for (const OffsetRange& range : what.seen) consumed_.insert(range, &fresh, &overlap);

  int64_t count = 0, distinct = 0, unaudited = 0;
  for (const OffsetRange& range : what.seen) count += range.size();
  for (const OffsetRange& range : fresh) {
    distinct += range.size();
    for (const OffsetRange& gap : produced.missing(range)) unaudited += gap.size();
    settle_seen(range, step);
  }
  for (const OffsetRange& range : overlap) {
    OffsetRange back = clip(range, own.first, own.high);
    if (own.first.value < 0 || back.empty()) back = {range.begin, range.begin};
    redeliver(back, 1, RedeliveryReason::kRewind, what.label, step);
    for (OffsetRange piece : {OffsetRange{range.begin, back.begin}, OffsetRange{back.end, range.end}}) {
      if (piece.empty()) continue;
      auto reason = RedeliveryReason::kHandover;
      for (const auto& [key, reader] : readers_) {
        if (key.reporter == what.reader.reporter || reader.low_ever.value < 0) continue;
        if (reader.low_ever < piece.end && piece.begin < reader.high_ever && restarted(key, what.reader)) {
          reason = RedeliveryReason::kRestart;
          break;
        }
      }
      redeliver(piece, 1, reason, what.label, step);
    }
  }
  for (const tally::Repeat& repeat : what.again) {
    count += repeat.range.size() * static_cast<int64_t>(repeat.times);
    redeliver(repeat.range, repeat.times, RedeliveryReason::kRewind, what.label, step);
  }
  Sums& sums = step.deltas->at(step.group, what.label);
  sums.count += count;
  sums.distinct += distinct;
  sums.reordered += note_reordered(what, fresh);
  sums.unaudited += unaudited;
}

/// An offset is reordered while every hand-out of it came below an earlier one of its reader: so it does not
/// matter in which order the reports come. Returns how many more there are now.
int64_t GroupAudit::note_reordered(const HandOut& what, std::span<const OffsetRange> fresh) {
  if (what.reordered.empty() && reordered_.empty()) return 0;
  const int64_t before = reordered_.size();
  tally::Coverage below;
  for (const OffsetRange& range : what.reordered) below.insert(range);
  for (const OffsetRange& range : what.seen) {
    for (const OffsetRange& ascending : below.missing(range)) reordered_.erase(ascending);
  }
  for (const OffsetRange& range : fresh) {
    for (const OffsetRange& late : below.within(range)) reordered_.insert(late);
  }
  return reordered_.size() - before;
}

void GroupAudit::redeliver(OffsetRange range, uint64_t times, RedeliveryReason reason,
                           const tally::BucketLabel& label, StepContext& step) {
  if (range.empty() || !judged_) return;
  step.deltas->at(step.group, label).redelivered += range.size() * static_cast<int64_t>(times);
  if (step.ranges_left == 0 && !redelivered_.intersects({range.begin - 1, range.end + 1})) {
    step.overflow += range.size();
    return;
  }
  redelivered_.update(
      range, step.clock_ms, [&](OffsetRange, const Redelivered* there) -> std::optional<Redelivered> {
        if (!there) return Redelivered{times, reason, label};
        return Redelivered{there->times + times, std::max(there->reason, reason), there->label};
      });
}

void GroupAudit::session_end(const ReaderKey& key, uint32_t session, OffsetRange hull, Offset session_first,
                             StepContext& step) {
  bool known = readers_.contains(key);
  Reader& reader = readers_[key];
  if (mistrusts(key, session)) session_first = Offset(-1);
  if (!known && step.report_missing) proof_.taint({{Offset(0), hull.begin}, Reason::kReportMissing, key});
  proof_.told(key, hull, reader.high);
  reader.low_ever = reader.low_ever.value < 0 ? hull.begin : std::min(reader.low_ever, hull.begin);
  reader.high_ever = std::max(reader.high_ever, hull.end);
  if (session > reader.session || reader.first.value < 0) {
    if (session > reader.session) begin_session(reader, session, step);
    reader.first = session_first.value >= 0 ? session_first : hull.begin;
    proof_.began(key, session, reader.first);
  }
  if (session == reader.session) {
    reader.high = std::max(reader.high, hull.end);
    proof_.span({reader.first, reader.high});
  } else {
    proof_.span(hull);
  }
  raise_high(hull.end, step);
}

void GroupAudit::position(const ReaderKey& key, const tally::Position& told, StepContext& step) {
  tally::Position at = told;
  if (mistrusts(key, at.session)) at.session_first = at.high = Offset(-1);
  Reader& reader = readers_[key];
  if (at.session < reader.session) return;
  if (at.session > reader.session) begin_session(reader, at.session, step);
  if (at.session_first.value >= 0) {
    if (reader.first != at.session_first) proof_.began(key, at.session, at.session_first);
    reader.first = at.session_first;
  }
  reader.high = std::max(reader.high, at.high);
  if (reader.first.value >= 0) proof_.span({reader.first, reader.high});
  if (at.next != reader.next && at.next.value >= 0) next_ = at.next;
  if (at.committed != reader.committed && at.committed.value >= 0) {
    committed_ = at.committed;
    proof_.committed(key, at.session, at.committed);
  }
  reader.next = at.next;
  reader.committed = at.committed;
  raise_high(at.high, step);
}

void GroupAudit::begin_session(Reader& reader, uint32_t session, StepContext& step) {
  reader.session = session;
  reader.began = step.sequence;
  reader.high = Offset(-1);
  reader.first = Offset(-1);
  reader.advanced_ms = 0;  // a rebalance: who advances now took over, and does not read beside
}

bool GroupAudit::mistrusts(const ReaderKey& key, uint32_t session) const {
  auto it = mistrusted_.find(key);
  return it != mistrusted_.end() && it->second == session;
}

bool GroupAudit::disown(OffsetRange range, StepContext& step) {
  bool any = false;
  missing_.update(range, step.clock_ms,
                  [&](OffsetRange piece, const Missing* there) -> std::optional<Missing> {
                    if (!there) return std::nullopt;
                    if (there->state != State::kPending && there->state != State::kSuspected) return *there;
                    step.deltas->at(step.group, there->label).of(there->state) -= piece.size();
                    any = true;
                    return std::nullopt;
                  });
  return any;
}

void GroupAudit::forget_redelivered(OffsetRange range, StepContext& step) {
  redelivered_.update(range, step.clock_ms,
                      [&](OffsetRange piece, const Redelivered* there) -> std::optional<Redelivered> {
                        if (there) {
                          step.deltas->at(step.group, there->label).redelivered -=
                              piece.size() * static_cast<int64_t>(there->times);
                        }
                        return std::nullopt;
                      });
}

void GroupAudit::retire(StepContext& step) {
  disown({Offset(0), Offset(INT64_MAX)}, step);
  baseline_ = Offset(-1);
  waiting_.clear();
  broadcast = false;
}

bool GroupAudit::advanced(const ReaderKey& key, const StepContext& step) {
  const int64_t now = step.clock_ms;
  Reader& reader = readers_[key];
  if (now - reader.advanced_ms > kPauseMs) reader.advancing_since_ms = now;
  reader.advanced_ms = now;
  return std::any_of(readers_.begin(), readers_.end(), [&](const auto& item) {
    const Reader& other = item.second;
    if (item.first.reporter == key.reporter || now - other.advanced_ms > kPauseMs) return false;
    return now - std::max(reader.advancing_since_ms, other.advancing_since_ms) > kTogetherMs;
  });
}

void GroupAudit::suspect(OffsetRange range, int64_t sequence) {
  bool any = false;
  missing_.each_within(
      range, [&](OffsetRange, const Missing& m) { any |= m.state == State::kPending && !m.open(); });
  if (any) wait(range, sequence);
}

bool GroupAudit::open(OffsetRange range) const {
  bool any = false;
  missing_.each_within(range, [&](OffsetRange, const Missing& m) { any |= m.open(); });
  return any;
}

bool GroupAudit::verdict(const Verdict& verdict, bool sampled, StepContext& step) {
  bool changed = false;
  missing_.update(verdict.range, step.clock_ms,
                  [&](OffsetRange piece, const Missing* there) -> std::optional<Missing> {
                    if (!there) return std::nullopt;
                    Missing next{verdict.state, verdict.reason, sampled, there->label};
                    if (!there->open() || next == *there) return *there;
                    Sums& sums = step.deltas->at(step.group, there->label);
                    if (next.state == State::kLost) {
                      next.lost_ms = std::max<int64_t>(step.clock_ms, 1);
                      sums.lost_found += piece.size();
                    }
                    sums.of(there->state) -= piece.size();
                    sums.of(next.state) += piece.size();
                    changed = true;
                    return next;
                  });
  return changed;
}

int64_t GroupAudit::close(OffsetRange range, State state, Closing closing, Offset moved_to,
                          StepContext& step) {
  int64_t closed = 0;
  closing.moved_by = moved_to.value < 0 ? 0 : moved_to.value - range.begin.value;
  missing_.update(range, step.clock_ms,
                  [&](OffsetRange piece, const Missing* there) -> std::optional<Missing> {
                    if (!there) return std::nullopt;
                    bool again = there->state == State::kReplayed && state == State::kReplayed;
                    if (there->state != State::kLost && !again) return *there;
                    Missing next = *there;
                    next.state = state;
                    next.closing = closing;
                    Sums& sums = step.deltas->at(step.group, there->label);
                    sums.of(there->state) -= piece.size();
                    sums.of(next.state) += piece.size();
                    closed += piece.size();
                    return next;
                  });
  return closed;
}

int64_t GroupAudit::count(OffsetRange range, State state) const {
  int64_t n = 0;
  missing_.each_within(
      range, [&](OffsetRange piece, const Missing& m) { n += m.state == state ? piece.size() : 0; });
  return n;
}

void GroupAudit::reader_vanished(const Id128& reporter, int64_t previous_sequence) {
  for (const auto& [key, reader] : readers_) {
    if (key.reporter != reporter) continue;
    // Who was told of after this reader's session and before its last but one record took over from it.
    const Reader* next = nullptr;
    bool told_all = false;
    for (const auto& [other_key, other] : readers_) {
      if (other_key.reporter == reporter || other.began <= reader.began || other.first.value < 0) continue;
      told_all |= other.began < previous_sequence;
      if (!next || other.began < next->began) next = &other;
    }
    if (told_all) continue;
    Offset from = std::max(reader.next, Offset(0));
    proof_.taint({{from, next ? next->first : ReadProof::kOpenEnd}, Reason::kReporterVanished, key});
  }
}

void GroupAudit::report_missing(const Id128& reporter) {
  for (const auto& [key, reader] : readers_) {
    if (key.reporter != reporter) continue;
    proof_.taint({{std::max(reader.next, Offset(0)), ReadProof::kOpenEnd}, Reason::kReportMissing, key});
  }
}

void GroupAudit::raise_high(Offset to, StepContext& step) {
  if (to <= high_) return;
  OffsetRange passed{std::max(high_, Offset(0)), to};
  high_ = to;
  if (missing_.intersects(passed)) wait(passed, step.sequence);
}

bool GroupAudit::judge(int64_t barrier, StepContext& step) {
  bool changed = false;
  while (!waiting_.empty() && waiting_.front().sequence < barrier) {
    OffsetRange range = waiting_.front().range;
    waiting_.pop_front();
    changed = true;
    if (!missing_.intersects(range)) continue;
    missing_.update(range, step.clock_ms,
                    [&](OffsetRange piece, const Missing* there) -> std::optional<Missing> {
                      if (!there) return std::nullopt;
                      if (there->state != State::kPending || there->open()) return *there;
                      Sums& sums = step.deltas->at(step.group, there->label);
                      sums.pending -= piece.size();
                      sums.suspected += piece.size();
                      return Missing{State::kSuspected, Reason::kNone, false, there->label};
                    });
  }
  return changed;
}

void GroupAudit::compact(Offset cut, size_t runs_max) {
  redelivered_.forget_beyond(kRedeliveredMax);
  missing_.forget_final(kExcusedMax, kScanMax, [](const Missing& m) { return m.state == State::kExcused; });
  missing_.forget_final(kJudgedMax, kScanMax, [](const Missing& m) {
    return m.state != State::kPending && m.state != State::kSuspected;
  });
  if (reordered_.run_count() > runs_max) reordered_.erase({reordered_.begin(), cut});
  if (consumed_.run_count() <= runs_max + missing_.size()) return;
  OffsetRange below{consumed_.begin(), std::min(cut, high_)};
  Offset at = below.begin;
  std::vector<OffsetRange> fill;
  missing_.each_within(below, [&](OffsetRange gap, const Missing&) {
    fill.push_back({at, gap.begin});
    at = gap.end;
  });
  fill.push_back({at, below.end});
  for (const OffsetRange& range : fill) consumed_.insert(range);
}

void GroupAudit::forget_readers(const std::function<bool(const ReaderKey&)>& gone, size_t keep) {
  for (auto it = readers_.begin(); it != readers_.end() && readers_.size() > keep;) {
    it = gone(it->first) ? readers_.erase(it) : std::next(it);
  }
}

}  // namespace waybill::audit
