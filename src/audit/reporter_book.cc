#include "audit/reporter_book.h"

#include <algorithm>
#include <utility>

namespace waybill::audit {
namespace {

/// Reporters report at least this often, so n missing numbers hide about n times as much.
constexpr int64_t kHeartbeatMs = 2'000;
/// A reporter silent for longer than this may have been replaced although it is not called vanished yet.
constexpr int64_t kSilentMs = 3'000;
/// Silence after which a vanished reporter's interval is closed, in units of vanished_ms.
constexpr int64_t kPresumedDeadFactor = 60;
/// Gone reporters are forgotten after this; the audit topic may not repeat their reports later.
constexpr int64_t kForgetMs = 24LL * 3600 * 1000;

/// The rows of one hole: by its time, and by the buckets of the backlog that was read then.
void missing_rows(const Reporter& r, uint64_t begin, const Hole& hole, IncompleteChange::Op op,
                  std::vector<IncompleteChange>& changes) {
  std::string detail = begin + 1 == hole.end
                           ? "report " + std::to_string(begin)
                           : "reports " + std::to_string(begin) + " to " + std::to_string(hole.end - 1);
  changes.push_back({op, r.id, IncompleteChange::kReportMissing, hole.from_ms, hole.to_ms, detail});
  if (hole.backlog_to_ms == 0) return;
  int64_t from_ms = hole.backlog_from_ms + static_cast<int64_t>(begin % 1000);  // a key of its own
  changes.push_back(
      {op, r.id, IncompleteChange::kReportMissing, from_ms, hole.backlog_to_ms, std::move(detail)});
}

/// The span of the buckets that a report tells of; {0, 0} when it tells of none.
std::pair<int64_t, int64_t> buckets_of(const tally::Report& report) {
  std::pair<int64_t, int64_t> span{0, 0};
  for (const tally::Entry& entry : report.entries) {
    if (entry.bucket.label.kind != tally::BucketKind::kNormal) continue;
    int64_t start = entry.bucket.label.start.value;
    span.first = span.second == 0 ? start : std::min(span.first, start);
    span.second = std::max(span.second, start + std::max<int64_t>(report.bucket_ms, 1));
  }
  return span;
}

OffsetRange numbers(uint64_t begin, uint64_t end) {
  return {Offset(static_cast<int64_t>(begin)), Offset(static_cast<int64_t>(end))};
}

bool gone(const Reporter& r, int64_t time_ms) { return !r.open() || time_ms - r.last_seen_ms > kSilentMs; }

void lower(ReporterBook::Floor& floor, const Reporter& r) {
  floor.barrier = std::min(floor.barrier, r.previous_sequence);
  floor.complete_up_to_ms = std::min(floor.complete_up_to_ms, r.complete_up_to_ms);
}

}  // namespace

int64_t Reporter::missing_reports() const {
  int64_t n = 0;
  for (const auto& [begin, hole] : holes) n += static_cast<int64_t>(hole.end - begin);
  return n;
}

ReporterBook::Seen ReporterBook::apply(const tally::Report& report, int64_t sequence, int64_t time_ms,
                                       std::vector<IncompleteChange>& changes) {
  auto it = reporters_.find(report.reporter);
  if (it == reporters_.end()) {
    if (reporters_.size() >= limits_.reporters_max && !make_room(time_ms)) return Seen::kOverflow;
    it = reporters_.try_emplace(report.reporter).first;
    it->second.id = report.reporter;
    it->second.first_seen_ms = time_ms;
  }
  Reporter& r = it->second;
  uint64_t n = report.number.value;
  if (n >= static_cast<uint64_t>(INT64_MAX) || r.applied.contains(Offset(static_cast<int64_t>(n))))
    return Seen::kRepeat;
  uint64_t above =
      r.applied.empty() ? 1 : static_cast<uint64_t>(r.applied.end().value);  // first number never seen
  if (n > above) open_hole(r, above, report, time_ms, changes);
  if (n < above) {
    auto hole = r.holes.upper_bound(n);
    if (hole != r.holes.begin()) fill_hole(r, std::prev(hole), report, changes);
  }
  if (r.vanished) {
    changes.push_back(
        {IncompleteChange::Op::kErase, r.id, IncompleteChange::kReporterVanished, r.vanished_from_ms, 0, {}});
    r.vanished = r.presumed_dead = false;
  }
  r.applied.insert(numbers(n, n + 1));
  r.last_seen_ms = std::max(r.last_seen_ms, time_ms);
  if (n < above) return Seen::kNew;
  if (report.complete_up_to_ms > report.from_ms || report.closed) {  // not the first parts of a split report
    r.previous_sequence = r.last_sequence;
    r.last_sequence = sequence;
  }
  r.complete_up_to_ms = std::max(r.complete_up_to_ms, report.complete_up_to_ms);
  if (auto [from_ms, to_ms] = buckets_of(report); to_ms != 0) {
    r.bucket_from_ms = from_ms;
    r.bucket_to_ms = to_ms;
  }
  r.closed = report.closed;
  r.host = report.host;
  r.ip = report.ip;
  r.service = report.service;
  r.data_center = report.data_center;
  r.pid = report.pid;
  for (const tally::ClientInfo& client : report.clients) {
    if (r.clients.size() >= Reporter::kClientsMax && !r.clients.contains(client.ref)) continue;
    r.clients[client.ref] = client;
    if (client.kind == tally::TierKind::kConsumed) r.groups.insert(client.group);
  }
  return Seen::kNew;
}

void ReporterBook::open_hole(Reporter& r, uint64_t begin, const tally::Report& report, int64_t time_ms,
                             std::vector<IncompleteChange>& changes) {
  uint64_t n = report.number.value;
  Hole hole;
  hole.end = n;
  int64_t hidden = static_cast<int64_t>(std::min<uint64_t>(n - begin, 43'200)) * kHeartbeatMs;
  hole.from_ms = r.applied.empty() ? report.from_ms - hidden : r.complete_up_to_ms;
  hole.to_ms = std::max(report.from_ms, hole.from_ms);
  auto [bucket_from_ms, bucket_to_ms] = buckets_of(report);
  for (auto [from_ms, to_ms] :
       {std::pair{r.bucket_from_ms, r.bucket_to_ms}, std::pair{bucket_from_ms, bucket_to_ms}}) {
    if (to_ms == 0 || to_ms > hole.from_ms) continue;  // present times are in the hole's own
    hole.backlog_from_ms = hole.backlog_to_ms == 0 ? from_ms : std::min(hole.backlog_from_ms, from_ms);
    hole.backlog_to_ms = std::max(hole.backlog_to_ms, to_ms);
  }
  hole.noticed_ms = time_ms;
  hole.posted = r.vanished;  // it was silent for longer than the grace already
  r.holes[begin] = hole;
  if (hole.posted) missing_rows(r, begin, hole, IncompleteChange::Op::kPost, changes);
}

void ReporterBook::fill_hole(Reporter& r, std::map<uint64_t, Hole>::iterator at, const tally::Report& report,
                             std::vector<IncompleteChange>& changes) {
  const uint64_t begin = at->first;
  const Hole hole = at->second;
  const uint64_t n = report.number.value;
  r.holes.erase(at);
  if (hole.posted) missing_rows(r, begin, hole, IncompleteChange::Op::kErase, changes);
  auto keep = [&](uint64_t first, uint64_t end, int64_t from_ms, int64_t to_ms) {
    if (first >= end) return;
    Hole rest = hole;
    rest.end = end;
    rest.from_ms = from_ms;
    rest.to_ms = std::max(from_ms, to_ms);
    r.holes[first] = rest;
    if (rest.posted) missing_rows(r, first, rest, IncompleteChange::Op::kPost, changes);
  };
  keep(begin, n, hole.from_ms, report.from_ms);
  keep(n + 1, hole.end, report.complete_up_to_ms, hole.to_ms);
}

void ReporterBook::add_topic(Reporter& r, TopicIndex topic, std::vector<IncompleteChange>& for_topic) {
  if (!r.topics.insert(topic).second) return;
  for (const auto& [begin, hole] : r.holes) {
    if (hole.posted) missing_rows(r, begin, hole, IncompleteChange::Op::kPost, for_topic);
  }
}

bool ReporterBook::tick(int64_t clock_ms, std::vector<IncompleteChange>& changes,
                        std::vector<Id128>& touched) {
  bool changed = false;
  for (auto it = reporters_.begin(); it != reporters_.end();) {
    Reporter& r = it->second;
    size_t before = changes.size();
    for (auto& [begin, hole] : r.holes) {
      if (hole.posted || clock_ms - hole.noticed_ms <= limits_.grace_ms) continue;
      hole.posted = true;
      missing_rows(r, begin, hole, IncompleteChange::Op::kPost, changes);
    }
    int64_t silent_ms = clock_ms - r.last_seen_ms;
    if (r.open() && silent_ms > limits_.vanished_ms) {
      r.vanished = true;
      r.vanished_from_ms = r.complete_up_to_ms;
      changes.push_back({IncompleteChange::Op::kPost,
                         r.id,
                         IncompleteChange::kReporterVanished,
                         r.vanished_from_ms,
                         0,
                         {}});
    } else if (r.vanished && !r.presumed_dead && silent_ms > limits_.vanished_ms * kPresumedDeadFactor) {
      r.presumed_dead = true;
      changes.push_back({IncompleteChange::Op::kPost, r.id, IncompleteChange::kReporterVanished,
                         r.vanished_from_ms, r.vanished_from_ms + limits_.vanished_ms, "presumed dead"});
    }
    if (changes.size() > before) {
      touched.push_back(r.id);
      changed = true;
    }
    bool forget = !r.open() && silent_ms > kForgetMs;
    changed |= forget;
    it = forget ? reporters_.erase(it) : std::next(it);
  }
  return changed;
}

bool ReporterBook::make_room(int64_t time_ms) {
  auto oldest = reporters_.end();
  for (auto it = reporters_.begin(); it != reporters_.end(); ++it) {
    if (!it->second.closed && !it->second.presumed_dead) continue;
    if (oldest == reporters_.end() || it->second.last_seen_ms < oldest->second.last_seen_ms) oldest = it;
  }
  if (oldest == reporters_.end() || oldest->second.last_seen_ms > time_ms) return false;
  reporters_.erase(oldest);
  return true;
}

std::map<std::string, ReporterBook::Floor> ReporterBook::group_floors() const {
  std::map<std::string, Floor> floors;
  for (const auto& [id, r] : reporters_) {
    if (!r.open()) continue;
    for (const std::string& group : r.groups) lower(floors[group], r);
  }
  return floors;
}

std::map<TopicIndex, ReporterBook::Floor> ReporterBook::topic_floors() const {
  std::map<TopicIndex, Floor> floors;
  for (const auto& [id, r] : reporters_) {
    if (!r.open()) continue;
    for (TopicIndex topic : r.topics) lower(floors[topic], r);
  }
  return floors;
}

bool ReporterBook::restarted(const Id128& earlier, uint32_t earlier_client, const Id128& later,
                             uint32_t later_client, int64_t time_ms) const {
  const Reporter* a = find(earlier);
  const Reporter* b = find(later);
  if (!a || !b || a == b) return false;
  auto ca = a->clients.find(earlier_client);
  auto cb = b->clients.find(later_client);
  if (ca == a->clients.end() || cb == b->clients.end()) return false;
  if (!ca->second.instance.empty() && ca->second.instance == cb->second.instance) return true;
  if (ca->second.client_id != cb->second.client_id || a->host != b->host || a->service != b->service)
    return false;
  return gone(*a, time_ms) || gone(*b, time_ms);
}

Reporter* ReporterBook::find(const Id128& id) {
  auto it = reporters_.find(id);
  return it == reporters_.end() ? nullptr : &it->second;
}

const Reporter* ReporterBook::find(const Id128& id) const {
  auto it = reporters_.find(id);
  return it == reporters_.end() ? nullptr : &it->second;
}

void ReporterBook::load(Reporter reporter) {
  Id128 id = reporter.id;
  reporters_.insert_or_assign(id, std::move(reporter));
}

void Reporter::save(StateWriter& out) const {
  out.id(id);
  for (const std::string* s : {&host, &ip, &service, &data_center}) out.text(*s);
  out.u64(pid);
  out.u64(clients.size());
  for (const auto& [ref, c] : clients) {
    out.u64(ref);
    out.text(c.client_id);
    out.u64(static_cast<uint64_t>(c.kind));
    out.text(c.group);
    out.text(c.instance);
    out.u64(c.flags);
    out.text(c.library);
  }
  out.u64(topics.size());
  for (TopicIndex t : topics) out.u64(t);
  out.u64(groups.size());
  for (const std::string& g : groups) out.text(g);
  out.runs(applied.runs());
  out.u64(holes.size());
  for (const auto& [begin, h] : holes) {
    out.u64(begin);
    out.u64(h.end);
    for (int64_t v : {h.from_ms, h.to_ms, h.backlog_from_ms, h.backlog_to_ms, h.noticed_ms}) out.i64(v);
    out.u64(h.posted ? 1 : 0);
  }
  for (int64_t v : {last_sequence, previous_sequence, first_seen_ms, last_seen_ms, complete_up_to_ms,
                    bucket_from_ms, bucket_to_ms, vanished_from_ms}) {
    out.i64(v);
  }
  out.u64((closed ? 1u : 0u) | (vanished ? 2u : 0u) | (presumed_dead ? 4u : 0u));
}

Reporter Reporter::load(StateReader& in) {
  Reporter r;
  r.id = in.id();
  for (std::string* s : {&r.host, &r.ip, &r.service, &r.data_center}) *s = in.text();
  r.pid = in.u64();
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    tally::ClientInfo c;
    c.ref = static_cast<uint32_t>(in.u64());
    c.client_id = in.text();
    c.kind = static_cast<tally::TierKind>(in.u64());
    c.group = in.text();
    c.instance = in.text();
    c.flags = static_cast<uint32_t>(in.u64());
    c.library = in.text();
    r.clients[c.ref] = std::move(c);
  }
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) r.topics.insert(static_cast<TopicIndex>(in.u64()));
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) r.groups.insert(in.text());
  for (const OffsetRange& run : in.runs()) r.applied.insert(run);
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    uint64_t begin = in.u64();
    Hole& h = r.holes[begin];
    h.end = in.u64();
    for (int64_t* v : {&h.from_ms, &h.to_ms, &h.backlog_from_ms, &h.backlog_to_ms, &h.noticed_ms})
      *v = in.i64();
    h.posted = in.u64() != 0;
  }
  for (int64_t* v : {&r.last_sequence, &r.previous_sequence, &r.first_seen_ms, &r.last_seen_ms,
                     &r.complete_up_to_ms, &r.bucket_from_ms, &r.bucket_to_ms, &r.vanished_from_ms}) {
    *v = in.i64();
  }
  uint64_t flags = in.u64();
  r.closed = flags & 1;
  r.vanished = flags & 2;
  r.presumed_dead = flags & 4;
  return r;
}

}  // namespace waybill::audit
