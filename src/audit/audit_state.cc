#include "audit/audit_state.h"

#include <algorithm>

#include "audit/tables.h"

namespace waybill::audit {
AuditState::AuditState(const CollectorOptions& options, PartitionId audit_partition)
    : options_(options),
      audit_partition_(audit_partition),
      book_({options.grace_ms, options.vanished_ms, static_cast<size_t>(options.reporters_max)}),
      rows_({options.cluster, audit_partition.value, options.bucket_ms, options.hops}) {}

TopicState* AuditState::topic(TopicIndex index) {
  auto it = topics_.find(index);
  return it == topics_.end() ? nullptr : &it->second;
}

StepContext AuditState::context(CoverageDeltas& deltas, int64_t sequence) const {
  StepContext c;
  c.sequence = sequence;
  c.clock_ms = clock_ms_;
  c.ranges_left = static_cast<size_t>(std::max<int64_t>(0, options_.ranges_max - ranges_));
  c.deltas = &deltas;
  return c;
}

bool AuditState::tick(int64_t clock_ms) {
  std::vector<IncompleteChange> changes;
  std::vector<Id128> touched;
  bool changed = book_.tick(clock_ms, changes, touched);
  if (!touched_.empty() && clock_ms > clock_ms_) {  // ranges wait for this time to pass
    clock_ms_ = clock_ms;
    changed = true;
  }
  post(changes);
  for (const IncompleteChange& change : changes) {
    if (change.reason == IncompleteChange::kReporterVanished) taint(change.reporter, Silence::kBegins);
  }
  for (const Id128& id : touched) rows_.reporter(id, 0, 0);
  auto floors = book_.topic_floors();
  for (auto& [index, topic] : topics_) changed |= settle(index, topic, floors[index], clock_ms);
  return changed;
}

bool AuditState::settle(TopicIndex index, TopicState& topic, const ReporterBook::Floor& floor,
                        int64_t clock_ms) {
  if (topic.minutes.size() == 0 && topic.hours.size() == 0) return false;
  int64_t complete = std::min(floor.complete_up_to_ms, clock_ms + 24 * kHourMs);
  if (floor.barrier == INT64_MAX) complete = clock_ms;  // nobody is open: only time tells
  complete -= options_.grace_ms;
  auto mark = [&](const OpenBuckets::Open& open) {
    for (const std::string& group : open.groups) {
      rows_.bucket({index, {tally::BucketKind::kNormal, open.example}, group}, Sums{});
    }
  };
  bool any = topic.minutes.settle(options_.bucket_ms, complete, floor.barrier, mark);
  any |= topic.hours.settle(kHourMs, complete, floor.barrier, mark);
  if (any) dirty_.topics.insert(index);
  return any;
}

bool AuditState::judge() {
  if (waiting_.empty()) return false;
  bool changed = false;
  auto floors = book_.group_floors();
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const auto& [index, partition, name] = *it;
    TopicState& topic = topics_.at(index);
    auto audit = topic.partitions.find(partition);
    if (audit == topic.partitions.end()) {
      it = waiting_.erase(it);
      continue;
    }
    GroupAudit& group = audit->second.group(name, true);
    int64_t barrier = floors[name].barrier;
    if (group.waiting() && group.waiting_since() < barrier) {
      step_group(*it, audit->second, [&](StepContext& step) {
        changed |= group.judge(barrier, step);
        return true;
      });
      suspects_.emplace(index, partition, name);
    }
    it = group.waiting() ? std::next(it) : waiting_.erase(it);
  }
  return changed;
}

void AuditState::book(TopicIndex topic, PartitionId partition, const CoverageDeltas& deltas,
                      int64_t sequence) {
  int64_t incarnation = topics_.at(topic).incarnation;
  for (const CoverageDeltas::Item& item : deltas.items()) {
    rows_.partition({topic, incarnation, partition, item.group}, item.sums);
    Sums per_bucket = item.sums;
    per_bucket.count = 0;  // comes with the entries, which also know messages without an offset
    if (sequence >= 0) touch_bucket(topic, item.label, item.group, sequence);
    rows_.bucket({topic, item.label, item.group}, per_bucket);
  }
}

void AuditState::touch_bucket(TopicIndex topic, const tally::BucketLabel& label, const std::string& group,
                              int64_t sequence) {
  if (label.kind != tally::BucketKind::kNormal) return;
  TopicState& state = topics_.at(topic);
  state.minutes.touch(label.start, label.start, group, sequence);
  state.hours.touch(tally::bucket_start(label.start.value, kHourMs), label.start, group, sequence);
  dirty_.topics.insert(topic);
}

void AuditState::note_partition(TopicIndex topic, PartitionId partition, PartitionAudit& audit,
                                size_t ranges_before) {
  ranges_ += static_cast<int64_t>(audit.range_count()) - static_cast<int64_t>(ranges_before);
  touched_.emplace(topic, partition);
  dirty_.partitions.emplace(topic, partition);
}

void AuditState::post(const std::vector<IncompleteChange>& changes) {
  for (const IncompleteChange& change : changes) {
    const Reporter* reporter = book_.find(change.reporter);
    if (!reporter) continue;
    for (TopicIndex topic : reporter->topics) {
      if (auto it = topics_.find(topic); it != topics_.end()) rows_.incomplete(it->second.name, change);
    }
  }
}

void AuditState::note_incomplete(const std::string& topic, const Id128& reporter, std::string_view reason,
                                 int64_t from_ms, int64_t to_ms, std::string detail) {
  auto interval = intervals_.note(topic, reporter, std::string(reason), from_ms, to_ms);
  rows_.incomplete(topic, {IncompleteChange::Op::kPost, reporter, reason, interval.from_ms, interval.to_ms,
                           std::move(detail)});
}

void AuditState::taint(const Id128& id, Silence what) {
  const Reporter* reporter = book_.find(id);
  if (!reporter) return;
  for (TopicIndex index : reporter->topics) {
    auto topic = topics_.find(index);
    if (topic == topics_.end()) continue;
    for (auto& [partition, audit] : topic->second.partitions) {
      for (auto& [name, group] : audit.groups()) {
        if (!reporter->groups.contains(group.part_of.empty() ? name : group.part_of)) continue;
        switch (what) {
          case Silence::kBegins:
            group.reader_vanished(id, reporter->previous_sequence);
            break;
          case Silence::kEnds:
            group.reader_returned(id);
            break;
          case Silence::kHole:
            group.report_missing(id);
            break;
          case Silence::kHoleFilled:
            group.report_arrived(id);
            break;
        }
        dirty_.partitions.emplace(index, partition);
      }
    }
  }
}

bool AuditState::verdict(const Place& place, int64_t incarnation, std::span<const Verdict> verdicts,
                         bool sampled) {
  return with_group(place, incarnation, [&](GroupAudit& group, StepContext& step) {
    bool changed = false;
    for (const Verdict& v : verdicts) changed |= group.verdict(v, sampled, step);
    return changed;
  });
}

bool AuditState::step_group(const Place& place, PartitionAudit& audit,
                            const std::function<bool(StepContext&)>& change) {
  const auto& [index, partition, name] = place;
  CoverageDeltas deltas;
  StepContext step = context(deltas, -1);
  step.group = name;
  const size_t before = audit.range_count();
  if (!change(step)) return false;
  book(index, partition, deltas, -1);
  note_partition(index, partition, audit, before);
  return true;
}

bool AuditState::with_group(const Place& place, int64_t incarnation,
                            const std::function<bool(GroupAudit&, StepContext&)>& change) {
  const auto& [index, partition, name] = place;
  TopicState* state = topic(index);
  if (!state || state->incarnation != incarnation) return false;
  auto it = state->partitions.find(partition);
  if (it == state->partitions.end()) return false;
  auto group = it->second.groups().find(name);
  if (group == it->second.groups().end()) return false;
  return step_group(place, it->second, [&](StepContext& step) { return change(group->second, step); });
}

void AuditState::suspect(TopicIndex index, PartitionId partition, OffsetRange range) {
  TopicState* state = topic(index);
  if (!state) return;
  auto it = state->partitions.find(partition);
  if (it == state->partitions.end()) return;
  for (auto& [name, group] : it->second.groups()) {
    group.suspect(range, sequence_);
    if (group.waiting()) waiting_.emplace(index, partition, name);
  }
  dirty_.partitions.emplace(index, partition);
}

void AuditState::set_bounds(TopicIndex index, PartitionId partition, Offset start, Offset end,
                            int64_t wall_ms) {
  TopicState* state = topic(index);
  auto it = state ? state->partitions.find(partition) : decltype(state->partitions.end()){};
  if (!state || it == state->partitions.end()) return;
  PartitionAudit& audit = it->second;
  if (audit.log_start == start && audit.log_end == end) return;
  if (start > audit.log_start) suspect(index, partition, {Offset(0), start});
  CoverageDeltas deltas;
  StepContext step = context(deltas, -1);
  const size_t before = audit.range_count();
  rows_.count("implausible_offset", audit.bounds(start, end, step));
  book(index, partition, deltas, -1);
  note_partition(index, partition, audit, before);
  audit.updated_ms = wall_ms;
  dirty_.partitions.emplace(index, partition);
  rows_.partition({index, state->incarnation, partition, ""}, Sums{});
  for (auto& [name, group] : audit.groups()) {
    group.updated_ms = wall_ms;
    rows_.partition({index, state->incarnation, partition, name}, Sums{});
  }
}

void AuditState::set_oldest_unread(TopicIndex index, PartitionId partition, const std::string& name,
                                   int64_t time_ms) {
  TopicState* state = topic(index);
  if (!state) return;
  auto it = state->partitions.find(partition);
  if (it == state->partitions.end()) return;
  auto group = it->second.groups().find(name);
  if (group == it->second.groups().end() || group->second.oldest_unread_ms == time_ms) return;
  group->second.oldest_unread_ms = time_ms;
  dirty_.partitions.emplace(index, partition);
  rows_.partition({index, state->incarnation, partition, name}, Sums{});
}

void AuditState::flush(flow::Rows& rows) {
  auto touched = std::move(touched_);
  touched_.clear();
  for (const auto& [index, partition] : touched) flush_findings(index, topics_.at(index), partition);
  RowBuffer::Lookup lookup;
  lookup.topic = [this](TopicIndex i) -> const std::string& { return topics_.at(i).name; };
  lookup.reporter = [this](const Id128& id) { return book_.find(id); };
  lookup.settled = [this](const BucketKey& key, int64_t width_ms) {
    if (key.label.kind != tally::BucketKind::kNormal) return false;
    const TopicState& topic = topics_.at(key.topic);
    return !(width_ms == kHourMs ? topic.hours : topic.minutes).is_open(key.label.start);
  };
  lookup.facts = [this](const PartitionKey& key) {
    PartitionFacts facts;
    const TopicState& topic = topics_.at(key.topic);
    auto it = topic.partitions.find(key.partition);
    if (it == topic.partitions.end() || key.incarnation != topic.incarnation) return facts;
    const PartitionAudit& audit = it->second;
    facts.log_start = audit.log_start.value;
    facts.log_end = audit.log_end.value;
    if (key.group.empty()) {
      facts.high = audit.produced().empty() ? -1 : audit.produced().end().value;
      facts.updated_ms = audit.updated_ms;
    } else if (auto g = audit.groups().find(key.group); g != audit.groups().end()) {
      facts.next = g->second.next().value;
      facts.high = g->second.high().value;
      facts.committed = g->second.committed().value;
      facts.oldest_unread_ms = g->second.oldest_unread_ms;
      facts.updated_ms = g->second.updated_ms;
    }
    return facts;
  };
  rows_.flush(lookup, rows);
}

void AuditState::flush_findings(TopicIndex index, TopicState& topic, PartitionId partition) {
  auto it = topic.partitions.find(partition);
  if (it == topic.partitions.end()) return;
  PartitionAudit& audit = it->second;
  for (auto& [name, group] : audit.groups()) {
    PartitionKey key{index, topic.incarnation, partition, name};
    group.missing().flush(
        clock_ms_, kDeferMs,
        [&](Offset first, const FindingMap<Missing>::Written& written,
            const std::pair<Offset, Missing>* now) {
          if (written && (!now || written->second.state != now->second.state)) {
            rows_.erase_finding(topic.name, key, first, state_name(written->second.state));
          }
          if (now) {
            const Missing& m = now->second;
            bool asked = m.state != State::kLate && (!m.open() || m.reason != Reason::kNone);
            rows_.finding(
                topic.name, key,
                {.first = first,
                 .last = now->first - 1,
                 .state = state_name(m.state),
                 .reason = reason_name(m.reason),
                 .label = m.label,
                 .verified_ms = !asked || m.state == State::kPending ? 0
                                : m.lost_ms > 0                      ? m.lost_ms
                                                                     : clock_ms_,
                 .detail = m.sampled ? "read at both ends and by sample" : "",
                 .lost_ms = m.lost_ms,
                 .decision = m.closing.decision == Id128{} ? "" : m.closing.decision.hex(),
                 .to_partition = m.closing.to_partition.value,
                 .to_offset = m.closing.to_partition.value < 0 ? -1 : first.value + m.closing.moved_by},
                clock_ms_);
          }
        },
        [](const Missing& m) { return m.state == State::kPending; });
    group.redelivered().flush(
        clock_ms_, 0,
        [&](Offset first, const FindingMap<Redelivered>::Written& written,
            const std::pair<Offset, Redelivered>* now) {
          if (!now) return rows_.erase_finding(topic.name, key, first, "redelivered");
          const Redelivered& r = now->second;
          int64_t times =
              static_cast<int64_t>(r.times) - (written ? static_cast<int64_t>(written->second.times) : 0);
          rows_.finding(topic.name, key,
                        {.first = first,
                         .last = now->first - 1,
                         .state = "redelivered",
                         .reason = to_string(r.reason),
                         .label = r.label,
                         .times = times},
                        clock_ms_);
        },
        [](const Redelivered&) { return false; });
    if (group.missing().changed()) touched_.emplace(index, partition);
  }
  size_t before = audit.range_count();
  audit.compact();
  ranges_ += static_cast<int64_t>(audit.range_count()) - static_cast<int64_t>(before);
}

std::string AuditState::save_core() const {
  StateWriter out;
  out.i64(clock_ms_);
  out.i64(sequence_);
  out.u64(next_topic_);
  intervals_.save(out);
  decisions_.save(out);
  out.u64(book_.all().size());
  for (const auto& [id, reporter] : book_.all()) reporter.save(out);
  return out.take();
}

bool AuditState::load_core(std::string_view bytes) {
  StateReader in(bytes);
  clock_ms_ = in.i64();
  sequence_ = in.i64();
  next_topic_ = static_cast<TopicIndex>(in.u64());
  intervals_.load(in);
  decisions_.load(in);
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) book_.load(Reporter::load(in));
  return in.ok() && in.at_end();
}

std::string AuditState::save_topic(TopicIndex index) const {
  const TopicState& topic = topics_.at(index);
  StateWriter out;
  out.text(topic.name);
  out.i64(topic.incarnation);
  out.u64(topic.groups.size());
  for (const std::string& g : topic.groups) out.text(g);
  out.i64(topic.partition_count);
  out.u64(topic.known_partitions.size());
  for (const auto& [name, count] : topic.known_partitions) {
    out.text(name);
    out.i64(count);
  }
  topic.minutes.save(out);
  topic.hours.save(out);
  return out.take();
}

bool AuditState::load_topic(TopicIndex index, std::string_view bytes) {
  StateReader in(bytes);
  TopicState& topic = topics_[index];
  topic.name = in.text();
  topic.incarnation = in.i64();
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) topic.groups.insert(in.text());
  topic.partition_count = static_cast<int32_t>(in.i64());
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    std::string name = in.text();
    topic.known_partitions[name] = static_cast<int32_t>(in.i64());
  }
  topic.minutes.load(in);
  topic.hours.load(in);
  index_[topic.name] = index;
  return in.ok() && in.at_end();
}

std::string AuditState::save_partition(TopicIndex topic, PartitionId partition) const {
  StateWriter out;
  topics_.at(topic).partitions.at(partition).save(out);
  return out.take();
}

bool AuditState::load_partition(TopicIndex index, PartitionId partition, std::string_view bytes) {
  StateReader in(bytes);
  PartitionAudit audit = PartitionAudit::load(in);
  ranges_ += static_cast<int64_t>(audit.range_count());
  for (const auto& [name, group] : audit.groups()) {
    if (group.waiting()) waiting_.emplace(index, partition, name);
    if (group.missing().changed()) touched_.emplace(index, partition);
    if (group.open({Offset(0), Offset(INT64_MAX)})) suspects_.emplace(index, partition, name);
  }
  topics_[index].partitions.insert_or_assign(partition, std::move(audit));
  return in.ok() && in.at_end();
}

void AuditState::restored() { rows_.clear(); }

}  // namespace waybill::audit
