// Applying one report to the state.

#include <algorithm>
#include <optional>
#include <span>
#include <unordered_map>

#include "audit/audit_state.h"
#include "base/hash.h"

namespace waybill::audit {
namespace {

using tally::BucketKind;
using tally::TierKind;

/// Times further from the audit record's own than this are `far`, whatever the reporter said: a bucket in
/// 1970 or 2100.
constexpr int64_t kOldestMs = 8LL * 24 * 3600 * 1000;
constexpr int64_t kNewestMs = 24LL * 3600 * 1000;
/// Readers kept per group and partition before those that are gone are forgotten.
constexpr size_t kReadersMax = 64;

/// `*` stands for any run of characters.
bool glob(std::string_view pattern, std::string_view text) {
  size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (text.substr(0, star) != pattern.substr(0, star)) return false;
  std::string_view rest = pattern.substr(star + 1);
  for (size_t at = star; at <= text.size(); ++at) {
    if (glob(rest, text.substr(at))) return true;
  }
  return false;
}

const tally::Position* find_position(const tally::Report& report, const tally::CoverageChunk& chunk) {
  for (const tally::Position& p : report.positions) {
    if (p.client == chunk.client && p.partition == chunk.partition && p.session == chunk.session &&
        p.topic == chunk.topic)
      return &p;
  }
  return nullptr;
}

}  // namespace

struct AuditState::Step {
  const tally::Report& report;
  int64_t sequence;
  int64_t time_ms;
  bool report_missing = false;  ///< numbers right before this one never came
  bool fold_counts = true;      ///< the reporter's bucket width divides ours
  std::unordered_map<std::string_view, std::optional<TopicIndex>> topics = {};
};

void AuditState::apply(const tally::Report& report, int64_t time_ms) {
  clock_ms_ = std::max(clock_ms_, time_ms);
  int64_t sequence = ++sequence_;
  std::vector<IncompleteChange> changes;
  const Reporter* earlier = book_.find(report.reporter);
  bool was_vanished = earlier && earlier->vanished;
  size_t holes = earlier ? earlier->holes.size() : 0;
  uint64_t expected =
      earlier && !earlier->applied.empty() ? static_cast<uint64_t>(earlier->applied.end().value) : 1;
  ReporterBook::Seen seen = book_.apply(report, sequence, time_ms, changes);
  if (seen == ReporterBook::Seen::kRepeat) return rows_.count("duplicate");
  if (seen == ReporterBook::Seen::kOverflow) {
    rows_.count("reporter_overflow");
    return note_incomplete("", {}, "overflow", report.from_ms, report.complete_up_to_ms,
                           "more reporters than reporters_max");
  }
  post(changes);
  Step step{report, sequence, time_ms};
  step.report_missing = report.number.value > expected;
  if (was_vanished) taint(report.reporter, Silence::kEnds);
  if (step.report_missing) taint(report.reporter, Silence::kHole);
  const tally::Dropped& dropped = report.dropped;
  rows_.reporter(report.reporter, 1, static_cast<int64_t>(dropped.messages + dropped.coverage));
  if (report.audit_partitions != options_.audit_partitions) {
    rows_.count("wrong_partition_count");
    return note_incomplete("", report.reporter, "audit_partitions", report.from_ms, report.complete_up_to_ms,
                           "the reporter hashed with " + std::to_string(report.audit_partitions) +
                               " partitions, the audit topic has " +
                               std::to_string(options_.audit_partitions));
  }
  step.fold_counts = report.bucket_ms > 0 && report.bucket_ms <= options_.bucket_ms &&
                     options_.bucket_ms % report.bucket_ms == 0;
  apply_entries(step);
  apply_coverage(step);
  apply_positions(step);
  apply_rates(step);
  if (holes > 0 && book_.find(report.reporter)->holes.empty()) taint(report.reporter, Silence::kHoleFilled);
  if (!step.fold_counts) {
    rows_.count("refused_bucket_width");
    for (const auto& [name, index] : step.topics) {
      if (!index) continue;
      note_incomplete(std::string(name), report.reporter, "bucket_width", report.from_ms,
                      report.complete_up_to_ms,
                      "the reporter counts per " + std::to_string(report.bucket_ms) +
                          " ms, which does not divide " + std::to_string(options_.bucket_ms) + " ms");
    }
  }
  if (!dropped.any()) return;
  std::string detail = std::to_string(dropped.messages) + " messages and the coverage of " +
                       std::to_string(dropped.coverage) + " more";
  if (dropped.topics > 0) {
    note_incomplete("", report.reporter, "reporter_dropped", report.from_ms, report.complete_up_to_ms,
                    detail);
  } else {
    const Reporter* reporter = book_.find(report.reporter);
    for (TopicIndex index : reporter->topics) {
      note_incomplete(topics_.at(index).name, report.reporter, "reporter_dropped", report.from_ms,
                      report.complete_up_to_ms, detail);
    }
  }
}

std::optional<TopicIndex> AuditState::topic_of(Step& step, const std::string& name) {
  auto [cached, fresh] = step.topics.try_emplace(name, std::nullopt);
  if (!fresh) return cached->second;
  auto it = index_.find(name);
  if (it == index_.end()) {
    if (waybill::audit_partition(name, options_.audit_partitions) != audit_partition_) {
      rows_.count("misplaced_topic");
      return std::nullopt;
    }
    if (topics_.size() >= static_cast<size_t>(options_.topics_max)) {
      rows_.count("topic_overflow");
      note_incomplete("", {}, "overflow", step.report.from_ms, step.report.complete_up_to_ms,
                      "more topics than topics_max");
      return std::nullopt;
    }
    it = index_.emplace(name, next_topic_++).first;
    topics_[it->second].name = name;
    dirty_.topics.insert(it->second);
  }
  cached->second = it->second;
  std::vector<IncompleteChange> changes;
  book_.add_topic(*book_.find(step.report.reporter), it->second, changes);
  for (const IncompleteChange& change : changes) rows_.incomplete(name, change);
  return it->second;
}

bool AuditState::excluded(const std::string& group) const {
  auto matches = [&](const std::string& pattern) { return glob(pattern, group); };
  const auto& in = options_.include_groups;
  const auto& out = options_.exclude_groups;
  if (!in.empty() && std::none_of(in.begin(), in.end(), matches)) return true;
  return std::any_of(out.begin(), out.end(), matches);
}

std::optional<std::string> AuditState::group_of(Step& step, TopicIndex topic, const tally::Tier& tier) {
  if (tier.name.empty()) return std::string(kNoGroup);
  if (excluded(tier.name)) return std::nullopt;
  if (!add_group(step, topic, tier.name)) return std::nullopt;
  return tier.name;
}

bool AuditState::add_group(Step& step, TopicIndex topic, const std::string& name) {
  TopicState& state = topics_.at(topic);
  if (state.groups.contains(name)) return true;
  if (state.groups.size() >= static_cast<size_t>(options_.groups_max)) {
    rows_.count("group_overflow");
    note_incomplete(state.name, {}, "overflow", step.report.from_ms, step.report.complete_up_to_ms,
                    "more groups than groups_max");
    return false;
  }
  state.groups.insert(name);
  dirty_.topics.insert(topic);
  return true;
}

std::pair<std::string, GroupAudit*> AuditState::side_of(Step& step, TopicIndex topic, PartitionAudit& audit,
                                                        const std::string& name, const ReaderKey& key,
                                                        uint32_t session) {
  GroupAudit& whole = audit.group(name, name != kNoGroup);
  if (!whole.broadcast) return {name, &whole};
  std::string own = name + "@" + step.report.host + "/" + key.reporter.hex().substr(0, 8) + "." +
                    std::to_string(key.client);
  if (!add_group(step, topic, own)) return {name, &whole};
  if (!audit.groups().contains(own)) {
    GroupAudit& mine = audit.group(own, true);
    mine.part_of = name;
    auto reader = whole.readers().find(key);
    bool before = reader != whole.readers().end() && reader->second.session == session;
    if (before) mine.mistrust(key, session);  // it began with what the group as a whole was told
  }
  return {own, &audit.group(own, true)};
}

void AuditState::note_advance(GroupAudit& group, const std::string& name, const ReaderKey& key,
                              TopicIndex topic, StepContext& context) {
  group.heard_ms = clock_ms_;
  if (!group.judged() || group.broadcast || !group.part_of.empty()) return;
  if (!group.advanced(key, context)) return;
  group.retire(context);
  group.broadcast = true;
  topics_.at(topic).known_partitions.erase(name);
  dirty_.topics.insert(topic);
  rows_.count("broadcast");
}

void AuditState::note_limits(const Step& step, const std::string& topic, const StepContext& context) {
  rows_.count("range_overflow", context.overflow);
  rows_.count("implausible_offset", context.refused);
  const char* detail = context.overflow > 0 ? "more ranges than ranges_max"
                       : context.unremembered > 0
                           ? "reported so late that coverage no longer tells them apart"
                           : nullptr;
  if (detail == nullptr) return;
  note_incomplete(topic, {}, "overflow", step.report.from_ms, step.report.complete_up_to_ms, detail);
}

tally::BucketLabel AuditState::fold(const Step& step, const tally::BucketLabel& label) const {
  if (label.kind != BucketKind::kNormal) return {label.kind, BucketStart(0)};
  int64_t start = label.start.value;
  bool near = start >= step.time_ms - kOldestMs && start <= step.time_ms + kNewestMs;
  if (!step.fold_counts || !near) return {BucketKind::kFar, BucketStart(0)};
  return {BucketKind::kNormal, tally::bucket_start(start, options_.bucket_ms)};
}

void AuditState::apply_entries(Step& step) {
  for (const tally::Entry& entry : step.report.entries) {
    std::optional<TopicIndex> topic = topic_of(step, entry.topic);
    if (topic && step.fold_counts) apply_entry(step, entry, *topic);
  }
}

void AuditState::apply_entry(Step& step, const tally::Entry& entry, TopicIndex topic) {
  const tally::Bucket& bucket = entry.bucket;
  Sums sums;
  std::string group;
  switch (entry.tier.kind) {
    case TierKind::kSent:
      sums.sent = static_cast<int64_t>(bucket.count);
      break;
    case TierKind::kConsumed: {
      auto name = group_of(step, topic, entry.tier);
      if (!name) return;
      group = *name;
      [[fallthrough]];
    }
    case TierKind::kProduced:
      sums.count = static_cast<int64_t>(bucket.count);
      sums.bytes = static_cast<int64_t>(bucket.bytes);
      sums.offset_unknown = static_cast<int64_t>(bucket.offset_unknown);
      break;
    default:
      return rows_.count("other_tier");
  }
  sums.failed = static_cast<int64_t>(bucket.failed_total());
  sums.unknown = static_cast<int64_t>(bucket.unknown);
  BucketKey key{topic, fold(step, bucket.label), group};
  if (key.label.kind == BucketKind::kFar && bucket.label.kind == BucketKind::kNormal)
    rows_.count("far_bucket");
  rows_.bucket(key, sums);
  if (entry.tier.kind != TierKind::kSent) {
    rows_.latency(key, bucket);
    rows_.hop(key, entry.tier.kind, step.report.reporter, bucket);
  }
  touch_bucket(topic, key.label, group, step.sequence);
  rows_.partition({topic, topics_.at(topic).incarnation, PartitionId(-1), group}, sums);
  for (const auto& [code, n] : bucket.failed) rows_.failed(topic, code, static_cast<int64_t>(n));
}

void AuditState::apply_coverage(Step& step) {
  struct Placed {
    TopicIndex topic;
    const tally::CoverageChunk* chunk;
  };
  std::vector<Placed> consumed;
  for (const tally::CoverageChunk& chunk : step.report.coverage) {
    std::optional<TopicIndex> topic = topic_of(step, chunk.topic);
    if (!topic) continue;
    if (chunk.tier.kind == TierKind::kProduced) apply_produced(step, chunk, *topic);
    if (chunk.tier.kind == TierKind::kConsumed) consumed.push_back({*topic, &chunk});
  }
  auto key = [](const Placed& p) {
    return std::tuple(p.topic, p.chunk->partition, p.chunk->client, p.chunk->session);
  };
  std::stable_sort(consumed.begin(), consumed.end(),
                   [&](const Placed& a, const Placed& b) { return key(a) < key(b); });
  std::vector<const tally::CoverageChunk*> session;
  for (size_t i = 0; i < consumed.size(); ++i) {
    session.push_back(consumed[i].chunk);
    if (i + 1 < consumed.size() && key(consumed[i]) == key(consumed[i + 1])) continue;
    apply_session(step, session, consumed[i].topic);
    session.clear();
  }
}

void AuditState::apply_produced(Step& step, const tally::CoverageChunk& chunk, TopicIndex topic) {
  PartitionAudit& audit = topics_.at(topic).partitions[chunk.partition];
  CoverageDeltas deltas;
  StepContext context = this->context(deltas, step.sequence);
  size_t before = audit.range_count();
  rows_.count("claimed_twice", audit.produced(chunk.seen, fold(step, chunk.label), context));
  note_limits(step, chunk.topic, context);
  for (const auto& [name, group] : audit.groups()) {
    if (group.waiting()) waiting_.emplace(topic, chunk.partition, name);
  }
  audit.updated_ms = step.time_ms;
  book(topic, chunk.partition, deltas, step.sequence);
  note_partition(topic, chunk.partition, audit, before);
  owe_added(topic, chunk.partition, audit);
}

/// All that one client's session was handed of one partition in this report.
void AuditState::apply_session(Step& step, std::span<const tally::CoverageChunk* const> chunks,
                               TopicIndex topic) {
  const tally::CoverageChunk& first = *chunks.front();
  auto name = group_of(step, topic, first.tier);
  if (!name) return;
  PartitionAudit& audit = topics_.at(topic).partitions[first.partition];
  size_t before = audit.range_count();
  ReaderKey reader{step.report.reporter, first.client};
  auto [side, judged] = side_of(step, topic, audit, *name, reader, first.session);
  GroupAudit& group = *judged;
  CoverageDeltas deltas;
  StepContext context = this->context(deltas, step.sequence);
  context.group = side;
  context.report_missing = step.report_missing;
  OffsetRange hull = {first.seen.front().begin, first.seen.back().end};
  for (const tally::CoverageChunk* chunk : chunks) {
    hull.begin = std::min(hull.begin, chunk->seen.front().begin);
    hull.end = std::max(hull.end, chunk->seen.back().end);
  }
  if (audit.far_beyond(hull.end)) return rows_.count("implausible_offset", hull.size());
  const tally::Position* position = find_position(step.report, first);
  Offset session_first = position ? position->session_first : Offset(-1);
  if (group.mistrusts(reader, first.session)) session_first = Offset(-1);
  if (session_first.value >= 0) {
    audit.baseline(group, session_first, context);
  } else if (group.baseline().value < 0) {
    audit.baseline(group, hull.begin, context);
  }
  auto restarted = [&](const ReaderKey& earlier, const ReaderKey& later) {
    return book_.restarted(earlier.reporter, earlier.client, later.reporter, later.client, step.time_ms);
  };
  for (const tally::CoverageChunk* chunk : chunks) {
    HandOut what{reader,       chunk->session,   chunk->seen,
                 chunk->again, chunk->reordered, fold(step, chunk->label)};
    audit.handed_out(group, what, restarted, context);
  }
  group.session_end(reader, first.session, hull, session_first, context);
  group.forget_readers(
      [&](const ReaderKey& key) {
        const Reporter* r = book_.find(key.reporter);
        return !r || !r->open();
      },
      kReadersMax);
  note_advance(group, *name, reader, topic, context);
  note_limits(step, first.topic, context);
  if (group.waiting()) waiting_.emplace(topic, first.partition, side);
  group.updated_ms = step.time_ms;
  book(topic, first.partition, deltas, step.sequence);
  note_partition(topic, first.partition, audit, before);
  settle_replays(topic, first.partition, side);
}

void AuditState::apply_positions(Step& step) {
  for (const tally::Position& position : step.report.positions) {
    std::optional<TopicIndex> topic = topic_of(step, position.topic);
    auto client = std::find_if(step.report.clients.begin(), step.report.clients.end(),
                               [&](const tally::ClientInfo& c) { return c.ref == position.client; });
    if (!topic || client == step.report.clients.end() || client->kind != TierKind::kConsumed) continue;
    auto name = group_of(step, *topic, {TierKind::kConsumed, client->group});
    if (!name) continue;
    PartitionAudit& audit = topics_.at(*topic).partitions[position.partition];
    if (audit.far_beyond(std::max({position.next, position.high, position.committed}))) {
      rows_.count("implausible_offset");
      continue;
    }
    size_t before = audit.range_count();
    ReaderKey key{step.report.reporter, position.client};
    auto [side, judged] = side_of(step, *topic, audit, *name, key, position.session);
    GroupAudit& group = *judged;
    CoverageDeltas deltas;
    StepContext context = this->context(deltas, step.sequence);
    context.group = side;
    if (!group.mistrusts(key, position.session)) audit.baseline(group, position.session_first, context);
    group.position(key, position, context);
    group.heard_ms = clock_ms_;
    group.updated_ms = step.time_ms;
    if (group.waiting()) waiting_.emplace(*topic, position.partition, side);
    book(*topic, position.partition, deltas, step.sequence);
    rows_.partition({*topic, topics_.at(*topic).incarnation, position.partition, side}, Sums{});
    note_partition(*topic, position.partition, audit, before);
  }
}

void AuditState::apply_rates(Step& step) {
  for (const tally::Rate& rate : step.report.rates) {
    std::optional<TopicIndex> topic = topic_of(step, rate.topic);
    if (!topic) continue;
    std::string group = rate.tier.name;
    if (rate.tier.kind == TierKind::kConsumed) {
      auto name = group_of(step, *topic, rate.tier);
      if (!name) continue;
      group = *name;
    }
    rows_.rate(*topic, rate, group, step.report.reporter);
  }
}

}  // namespace waybill::audit
