#include "audit/read_proof.h"

#include <algorithm>

namespace waybill::audit {
namespace {

OffsetRange clip(OffsetRange range, OffsetRange to) {
  return {std::max(range.begin, to.begin), std::min(range.end, to.end)};
}

}  // namespace

void ReadProof::span(OffsetRange hull) {
  if (!hull.empty()) spans_.insert(hull);
}

void ReadProof::remember(std::deque<Mark>& marks, Mark mark) {
  marks.push_back(mark);
  if (marks.size() > kRecentMax) marks.pop_front();
}

void ReadProof::bridge(const Mark& commit, const Mark& begin) {
  bool own = commit.key == begin.key && commit.session == begin.session;
  if (own || commit.at > begin.at || spans_.empty() || spans_.begin() >= begin.at) return;
  std::vector<OffsetRange> holes = spans_.missing({spans_.begin(), begin.at});
  if (holes.empty() || holes.back().end != begin.at || holes.back().begin >= commit.at) return;
  spans_.insert({holes.back().begin, commit.at});
}

void ReadProof::began(const ReaderKey& key, uint32_t session, Offset first) {
  if (first.value < 0) return;
  for (Taint& t : taints_) {
    if (t.range.end == kOpenEnd && t.who != key) t.range.end = std::max(first, t.range.begin);
  }
  std::erase_if(taints_, [](const Taint& t) { return t.range.empty(); });
  Mark begin{key, session, first};
  for (const Mark& commit : commits_) bridge(commit, begin);
  remember(begins_, begin);
}

void ReadProof::committed(const ReaderKey& key, uint32_t session, Offset position) {
  Mark commit{key, session, position};
  for (const Mark& begin : begins_) bridge(commit, begin);
  remember(commits_, commit);
}

void ReadProof::taint(Taint taint) {
  if (taint.range.empty()) return;
  for (const Taint& t : taints_) {
    if (t.who == taint.who && t.reason == taint.reason && t.range.begin <= taint.range.begin &&
        t.range.end >= taint.range.end)
      return;
  }
  taints_.push_back(taint);
  if (taints_.size() <= kTaintsMax) return;
  Taint& second = taints_[1];
  second.range = {std::min(second.range.begin, taints_[0].range.begin),
                  std::max(second.range.end, taints_[0].range.end)};
  taints_.erase(taints_.begin());
}

void ReadProof::told(const ReaderKey& key, OffsetRange hull, Offset high_before) {
  for (Taint& t : taints_) {
    if (t.range.end != kOpenEnd || t.who != key) continue;
    // It read on to here, or it was farther up in between and went back.
    t.range.end =
        std::max(t.range.begin, hull.begin >= t.range.begin ? hull.begin : std::max(high_before, hull.end));
  }
  std::erase_if(taints_, [](const Taint& t) { return t.range.empty(); });
}

void ReadProof::remove(const Id128& reporter, Reason reason) {
  std::erase_if(taints_, [&](const Taint& t) { return t.who.reporter == reporter && t.reason == reason; });
}

std::vector<std::pair<OffsetRange, Reason>> ReadProof::judge(OffsetRange range, Reason beyond) const {
  std::vector<std::pair<OffsetRange, Reason>> out;
  Offset at = range.begin;
  while (at < range.end) {
    OffsetRange piece{at, range.end};
    Reason reason = Reason::kNone;
    for (const Taint& t : taints_) {
      if (t.range.begin <= at && at < t.range.end) {
        piece = clip(piece, t.range);
        if (reason == Reason::kNone) reason = t.reason;
      } else if (t.range.begin > at) {
        piece.end = std::min(piece.end, t.range.begin);
      }
    }
    if (reason == Reason::kNone) {
      if (at >= end()) {
        reason = beyond;
      } else {
        std::vector<OffsetRange> passed = spans_.within(piece);
        if (!passed.empty() && passed.front().begin == at) {
          piece.end = passed.front().end;
        } else {
          piece.end = std::min(passed.empty() ? piece.end : passed.front().begin, std::max(end(), at + 1));
          reason = Reason::kUnauditedMember;
        }
      }
    }
    if (!out.empty() && out.back().second == reason) {
      out.back().first.end = piece.end;
    } else {
      out.emplace_back(piece, reason);
    }
    at = piece.end;
  }
  return out;
}

void ReadProof::save(StateWriter& out) const {
  out.runs(spans_.runs());
  for (const auto* marks : {&commits_, &begins_}) {
    out.u64(marks->size());
    for (const Mark& m : *marks) {
      out.id(m.key.reporter);
      out.u64(m.key.client);
      out.u64(m.session);
      out.i64(m.at.value);
    }
  }
  out.u64(taints_.size());
  for (const Taint& t : taints_) {
    out.id(t.who.reporter);
    out.u64(t.who.client);
    out.u64(static_cast<uint64_t>(t.reason));
    out.i64(t.range.begin.value);
    out.i64(t.range.end.value);
  }
}

void ReadProof::load(StateReader& in) {
  for (const OffsetRange& run : in.runs()) spans_.insert(run);
  for (auto* marks : {&commits_, &begins_}) {
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
      Mark m;
      m.key.reporter = in.id();
      m.key.client = static_cast<uint32_t>(in.u64());
      m.session = static_cast<uint32_t>(in.u64());
      m.at = Offset(in.i64());
      marks->push_back(m);
    }
  }
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    Taint t;
    t.who.reporter = in.id();
    t.who.client = static_cast<uint32_t>(in.u64());
    t.reason = static_cast<Reason>(in.u64() % (static_cast<uint64_t>(Reason::kBeyondBudget) + 1));
    t.range.begin = Offset(in.i64());
    t.range.end = Offset(in.i64());
    taints_.push_back(t);
  }
}

}  // namespace waybill::audit
