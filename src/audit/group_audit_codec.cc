// The stored form of a GroupAudit.

#include "audit/group_audit.h"

namespace waybill::audit {
namespace {

void save(StateWriter& out, const Missing& v) {
  bool closed = v.closing != Closing{};
  out.u64(static_cast<uint64_t>(v.state) << 2 | (closed ? 2 : 0) | (v.sampled ? 1 : 0));
  out.u64(static_cast<uint64_t>(v.reason));
  out.label(v.label);
  out.i64(v.lost_ms);
  if (!closed) return;
  out.id(v.closing.decision);
  out.i64(v.closing.to_partition.value);
  out.i64(v.closing.moved_by);
}
void save(StateWriter& out, const Redelivered& v) {
  out.u64(v.times);
  out.u64(static_cast<uint64_t>(v.reason));
  out.label(v.label);
}
void load(StateReader& in, Missing& v) {
  uint64_t state = in.u64();
  v.sampled = state & 1;
  v.state = static_cast<State>((state >> 2) % (static_cast<uint64_t>(State::kReplayed) + 1));
  v.reason = static_cast<Reason>(in.u64() % (static_cast<uint64_t>(Reason::kBeyondBudget) + 1));
  v.label = in.label();
  v.lost_ms = in.i64();
  if ((state & 2) == 0) return;
  v.closing.decision = in.id();
  v.closing.to_partition = PartitionId(static_cast<int32_t>(in.i64()));
  v.closing.moved_by = in.i64();
}
void load(StateReader& in, Redelivered& v) {
  v.times = in.u64();
  v.reason = static_cast<RedeliveryReason>(in.u64() % 3);
  v.label = in.label();
}

/// Values repeat: only a change is written.
template <class V>
void save_map(StateWriter& out, const FindingMap<V>& map) {
  auto entries = map.entries();
  out.u64(entries.size());
  int64_t at = 0;
  const V* last = nullptr;
  for (const auto& e : entries) {
    bool same = last && *last == e.value;
    out.u64((static_cast<uint64_t>(e.range.begin.value - at) << 1) | (same ? 1 : 0));
    out.u64(static_cast<uint64_t>(e.range.size()));
    if (!same) save(out, e.value);
    last = &e.value;
    at = e.range.end.value;
  }
  auto unwritten = map.unwritten();
  out.u64(unwritten.size());
  for (const auto& [first, since_ms] : unwritten) {
    out.i64(first);
    out.i64(since_ms);
  }
}

template <class V>
void load_map(StateReader& in, FindingMap<V>& map) {
  int64_t at = 0;
  V value;
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    uint64_t head = in.u64();
    int64_t begin = at + static_cast<int64_t>(head >> 1);
    at = begin + static_cast<int64_t>(in.u64());
    if ((head & 1) == 0) load(in, value);
    map.load({Offset(begin), Offset(at)}, value);
  }
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    int64_t first = in.i64();
    map.load_unwritten(first, in.i64());
  }
}

}  // namespace

void GroupAudit::save(StateWriter& out) const {
  out.u64(judged_ ? 1 : 0);
  out.runs(consumed_.runs());
  out.runs(reordered_.runs());
  for (Offset o : {baseline_, high_, next_, committed_}) out.i64(o.value);
  out.i64(oldest_unread_ms);
  out.i64(updated_ms);
  out.i64(heard_ms);
  out.u64(broadcast ? 1 : 0);
  out.text(part_of);
  save_map(out, missing_);
  save_map(out, redelivered_);
  out.u64(waiting_.size());
  for (const Waiting& w : waiting_) {
    out.i64(w.sequence);
    out.i64(w.range.begin.value);
    out.u64(static_cast<uint64_t>(w.range.size()));
  }
  out.u64(readers_.size());
  for (const auto& [key, r] : readers_) {
    out.id(key.reporter);
    out.u64(key.client);
    out.u64(r.session);
    out.i64(r.began);
    for (Offset o : {r.first, r.high, r.low_ever, r.high_ever, r.next, r.committed}) out.i64(o.value);
    out.i64(r.advancing_since_ms);
    out.i64(r.advanced_ms);
  }
  proof_.save(out);
  out.u64(mistrusted_.size());
  for (const auto& [key, session] : mistrusted_) {
    out.id(key.reporter);
    out.u64(key.client);
    out.u64(session);
  }
}

GroupAudit GroupAudit::load(StateReader& in) {
  GroupAudit g(in.u64() != 0);
  for (const OffsetRange& run : in.runs()) g.consumed_.insert(run);
  for (const OffsetRange& run : in.runs()) g.reordered_.insert(run);
  for (Offset* o : {&g.baseline_, &g.high_, &g.next_, &g.committed_}) *o = Offset(in.i64());
  g.oldest_unread_ms = in.i64();
  g.updated_ms = in.i64();
  g.heard_ms = in.i64();
  g.broadcast = in.u64() != 0;
  g.part_of = in.text();
  load_map(in, g.missing_);
  load_map(in, g.redelivered_);
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    int64_t sequence = in.i64();
    Offset begin(in.i64());
    g.waiting_.push_back({sequence, {begin, begin + static_cast<int64_t>(in.u64())}});
  }
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    ReaderKey key{in.id(), 0};
    key.client = static_cast<uint32_t>(in.u64());
    Reader& r = g.readers_[key];
    r.session = static_cast<uint32_t>(in.u64());
    r.began = in.i64();
    for (Offset* o : {&r.first, &r.high, &r.low_ever, &r.high_ever, &r.next, &r.committed})
      *o = Offset(in.i64());
    r.advancing_since_ms = in.i64();
    r.advanced_ms = in.i64();
  }
  g.proof_.load(in);
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    ReaderKey key{in.id(), 0};
    key.client = static_cast<uint32_t>(in.u64());
    g.mistrusted_[key] = static_cast<uint32_t>(in.u64());
  }
  return g;
}

}  // namespace waybill::audit
