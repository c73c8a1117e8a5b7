#include "audit/verifier.h"

#include <algorithm>
#include <utility>

namespace waybill::audit {
namespace {

constexpr int64_t kSamples = 8;               ///< of a long range, between its ends
constexpr int64_t kSampleSpan = 1'000;        ///< offsets of one sample, and of each end
constexpr int64_t kLongWhenSampling = 1'000;  ///< ranges longer than this are sampled under Mode::kSample

int64_t bytes_of(const flow::RangeAnswer& answer) {
  constexpr int64_t kOverhead = 64;          // of a record beside key and value
  constexpr int64_t kFetchBytes = 24 << 10;  // the broker sends about so much even for one record
  int64_t bytes = 0;
  for (const flow::RangeRecord& r : answer.records) bytes += r.size_bytes + kOverhead;
  return answer.records.empty() ? 0 : std::max(bytes, kFetchBytes);
}

/// Whether every offset of the range was read.
bool whole(const flow::RangeAnswer& answer, OffsetRange range) {
  return static_cast<int64_t>(answer.records.size()) == range.size();
}

/// Both ends of a long range and evenly spaced samples between them.
std::vector<OffsetRange> sample(OffsetRange range) {
  std::vector<OffsetRange> parts;
  int64_t stride = (range.size() - kSampleSpan) / (kSamples + 1);
  for (int64_t i = 0; i <= kSamples; ++i) {
    Offset at = range.begin + i * stride;
    parts.push_back({at, std::min(at + std::min(kSampleSpan, stride), range.end)});
  }
  parts.push_back({std::max(range.end - kSampleSpan, parts.back().end), range.end});
  return parts;
}

}  // namespace

void Verifier::advance(AuditState& state, OperationLog& log, int64_t steady_ms) {
  drop_stale(steady_ms);
  for (auto it = state.suspects().begin(); it != state.suspects().end();) {
    const Place place = *it++;
    Watch& watch = watches_.try_emplace(place, Watch{.since_ms = steady_ms}).first->second;
    if (watch.next_ms <= steady_ms) look(place, watch, state, log, steady_ms);
  }
}

void Verifier::look(const Place& place, Watch& watch, AuditState& state, OperationLog& log,
                    int64_t steady_ms) {
  const auto& [index, partition, name] = place;
  auto forget = [&] {
    watches_.erase(place);
    state.suspects().erase(place);
  };
  TopicState* topic = state.topic(index);
  if (!topic) return forget();
  auto audit = topic->partitions.find(partition);
  if (audit == topic->partitions.end()) return forget();
  auto group = audit->second.groups().find(name);
  if (group == audit->second.groups().end()) return forget();
  const GroupAudit& g = group->second;
  std::vector<Verdict> off;
  OffsetRange hull{Offset(-1), Offset(-1)};
  auto flush = [&] {
    if (hull.begin.value >= 0) start(place, watch, hull, state, steady_ms);
    hull = {Offset(-1), Offset(-1)};
  };
  const std::vector<OffsetRange> parts = eligible(audit->second, g, watch, steady_ms);
  for (const OffsetRange& part : parts) {
    OffsetRange rest{std::max(part.begin, watch.cursor), part.end};
    g.missing().each_within(rest, [&](OffsetRange piece, const Missing& m) {
      if (!m.open()) return;
      if (options_.verify.mode == VerifyOptions::Mode::kOff) {
        off.push_back({piece, State::kSuspected, Reason::kBeyondBudget});
        return;
      }
      while (!piece.empty() && watch.jobs < kJobsPerPlaceMax && jobs_.size() < kJobsMax) {
        if (hull.begin.value >= 0 && (piece.begin - hull.end > kNear || piece.begin - hull.begin >= kSpanMax))
          flush();
        if (hull.begin.value >= 0) {
          Offset to = std::min(piece.end, hull.begin + kSpanMax);
          hull.end = std::max(hull.end, to);
          piece.begin = to;
          continue;
        }
        int64_t whole = options_.verify.mode == VerifyOptions::Mode::kSample ? kLongWhenSampling
                                                                             : options_.verify.messages_max;
        bool expired = piece.end <= audit->second.log_start;
        bool all = expired || (piece.size() > whole && !watch.exact.contains(piece.end));
        hull = {piece.begin, all ? piece.end : std::min(piece.end, piece.begin + kSpanMax)};
        piece.begin = hull.end;
        if (all) flush();
      }
    });
    flush();
  }
  if (!off.empty()) log.verdict(place, topic->incarnation, off, false);
  note_starved(place, watch, parts, topic->incarnation, g, log, steady_ms);
  if (watch.jobs > 0) return;
  watch.cursor = Offset(0);
  watch.next_ms = std::max(watch.next_ms, steady_ms + kAgainMs);
  if (!g.open({Offset(0), Offset(INT64_MAX)})) forget();
}

std::vector<OffsetRange> Verifier::eligible(const PartitionAudit& audit, const GroupAudit& group,
                                            const Watch& watch, int64_t steady_ms) const {
  std::vector<OffsetRange> out;
  Offset start = std::max(audit.log_start, Offset(0));
  Offset position = std::max(group.position(), Offset(0));
  if (group.committed().value < 0 && steady_ms - watch.since_ms < kNeverCommittedMs) position = Offset(0);
  Offset end = audit.log_end.value >= 0 ? std::max(audit.log_end, start) : Offset(INT64_MAX);
  out.push_back({Offset(0), start});
  out.push_back({start, std::min(std::max(position, start), end)});
  out.push_back({end, Offset(INT64_MAX)});
  return out;
}

void Verifier::start(const Place& place, Watch& watch, OffsetRange range, const AuditState& state,
                     int64_t steady_ms) {
  if (jobs_.size() >= kJobsMax) return;
  if (!spend(steady_ms)) {
    if (watch.starved_since_ms < 0) watch.starved_since_ms = steady_ms;
    return;
  }
  watch.starved_since_ms = -1;
  const TopicState& topic = state.topics().at(std::get<0>(place));
  const PartitionAudit& audit = topic.partitions.at(std::get<1>(place));
  uint64_t id = next_id_++;
  Job& job = jobs_[id];
  job.place = place;
  job.incarnation = topic.incarnation;
  job.range = range;
  job.since_ms = steady_ms;
  bool expired = range.end <= audit.log_start;
  job.parts = range.size() > kSpanMax && !expired ? sample(range) : std::vector{range};
  job.evidence.resize(job.parts.size());
  for (size_t part = 0; part < job.parts.size(); ++part) {
    ask(id, Want::kCommitted, part, state);
  }
  const GroupAudit& group = audit.groups().at(std::get<2>(place));
  job.asked_members = range.end > group.proof().end();
  if (job.asked_members) ask(id, Want::kMembers, 0, state);
  if (job.asked_members || group.committed().value < 0) ask(id, Want::kPosition, 0, state);
  if (settings_[topic.name].again_ms <= steady_ms) ask(id, Want::kSettings, 0, state);
  ++watch.jobs;
  watch.cursor = std::max(watch.cursor, range.end);
}

void Verifier::ask(uint64_t id, Want want, size_t part, const AuditState& state) {
  Job& job = jobs_.at(id);
  flow::Ask ask;
  ask.id = next_id_++;
  ask.partition = {options_.cluster, state.topics().at(std::get<0>(job.place)).name, std::get<1>(job.place)};
  ask.group = std::get<2>(job.place);
  switch (want) {
    case Want::kCommitted:
    case Want::kUncommitted:
      ask.kind = flow::Ask::Kind::kRead;
      ask.range = job.parts[part];
      ask.isolation = want == Want::kCommitted ? flow::Isolation::kCommitted : flow::Isolation::kUncommitted;
      break;
    case Want::kMembers:
      ask.kind = flow::Ask::Kind::kMembers;
      break;
    case Want::kPosition:
      ask.kind = flow::Ask::Kind::kCommitted;
      break;
    case Want::kSettings:
      ask.kind = flow::Ask::Kind::kTopicSettings;
      break;
  }
  ++job.open;
  open_[ask.id] = {id, want, part};
  ready_.push_back(std::move(ask));
}

bool Verifier::answer(const flow::Answer& answer, OperationLog& log, AuditState& state, int64_t steady_ms) {
  if (answer.id < kIdBase) return false;
  auto open = open_.find(answer.id);
  if (open == open_.end()) return true;  // of an earlier life, or given up
  Open what = open->second;
  open_.erase(open);
  auto job = jobs_.find(what.job);
  if (job == jobs_.end()) return true;
  take(job->second, what, answer, state, steady_ms);
  const auto* read = std::get_if<flow::RangeAnswer>(&answer.value);
  if (what.want == Want::kCommitted && read && !whole(*read, job->second.parts[what.part]) &&
      state.topic(std::get<0>(job->second.place)))
    ask(what.job, Want::kUncommitted, what.part, state);
  if (--job->second.open > 0) return true;
  Job done = std::move(job->second);
  jobs_.erase(job);
  finish(std::move(done), state, log, steady_ms);
  return true;
}

void Verifier::take(Job& job, const Open& open, const flow::Answer& answer, const AuditState& state,
                    int64_t steady_ms) {
  const auto topic = state.topics().find(std::get<0>(job.place));
  if (const auto* error = std::get_if<Error>(&answer.value)) {
    if (open.want == Want::kSettings) {  // unknown is enough for most verdicts
      if (topic != state.topics().end())
        settings_[topic->second.name] = {CleanupPolicy::kUnknown, steady_ms + kDeniedMs};
      return;
    }
    job.failed = true;
    job.refused |= error->code == Errc::kDenied;
  } else if (const auto* read = std::get_if<flow::RangeAnswer>(&answer.value)) {
    budget_bytes_ -= bytes_of(*read);
    Evidence& evidence = job.evidence[open.part];
    (open.want == Want::kCommitted ? evidence.committed : evidence.uncommitted) = *read;
    // What a read_committed reader gets, every reader gets: only what is absent there is asked for again.
    if (open.want == Want::kCommitted && whole(*read, job.parts[open.part])) evidence.uncommitted = *read;
  } else if (const auto* members = std::get_if<std::vector<flow::RangeReader::Member>>(&answer.value)) {
    job.stranger |= strangers(job.place, *members, state);
    for (const auto& member : *members) {
      for (const auto& [name, partition] : member.partitions) {
        job.assigned |= partition == std::get<1>(job.place) && topic != state.topics().end() &&
                        name == topic->second.name;
      }
    }
  } else if (const auto* positions =
                 std::get_if<std::vector<std::pair<PartitionId, Offset>>>(&answer.value)) {
    if (topic == state.topics().end()) return;
    auto audit = topic->second.partitions.find(std::get<1>(job.place));
    if (audit == topic->second.partitions.end()) return;
    auto group = audit->second.groups().find(std::get<2>(job.place));
    if (group == audit->second.groups().end()) return;
    Offset known = std::max(group->second.proof().end(), group->second.committed());
    for (const auto& [partition, at] : *positions) {
      job.stranger |= partition == audit->first && at > known;
      job.committed |= at.value >= 0;
    }
  } else if (const auto* settings = std::get_if<flow::RangeReader::TopicSettings>(&answer.value)) {
    bool compacted = settings->cleanup_policy.find("compact") != std::string::npos;
    bool known = !settings->cleanup_policy.empty();
    if (topic != state.topics().end())
      settings_[topic->second.name] = {!known      ? CleanupPolicy::kUnknown
                                       : compacted ? CleanupPolicy::kCompact
                                                   : CleanupPolicy::kDelete,
                                       steady_ms + (known ? kSettingsMs : kDeniedMs)};
  }
}

/// Whether more members with some client id read the topic than reporters are open for it.
bool Verifier::strangers(const Place& place, const std::vector<flow::RangeReader::Member>& members,
                         const AuditState& state) const {
  const auto topic = state.topics().find(std::get<0>(place));
  if (topic == state.topics().end()) return false;
  std::map<std::string, int64_t> unheard;
  for (const auto& member : members) {
    bool reads = std::any_of(member.partitions.begin(), member.partitions.end(),
                             [&](const auto& p) { return p.first == topic->second.name; });
    if (reads) ++unheard[member.client_id];
  }
  for (const auto& [id, reporter] : state.reporters().all()) {
    if (!reporter.open() || !reporter.groups.contains(std::get<2>(place))) continue;
    for (const auto& [ref, client] : reporter.clients) {
      auto it = unheard.find(client.client_id);
      if (client.group == std::get<2>(place) && it != unheard.end()) --it->second;
    }
  }
  return std::any_of(unheard.begin(), unheard.end(), [](const auto& item) { return item.second > 0; });
}

void Verifier::finish(Job job, AuditState& state, OperationLog& log, int64_t steady_ms) {
  auto found = watches_.find(job.place);
  if (found == watches_.end()) return;
  Watch& watch = found->second;
  if (watch.jobs > 0) --watch.jobs;
  TopicState* topic = state.topic(std::get<0>(job.place));
  if (!topic || topic->incarnation != job.incarnation) return;
  auto audit = topic->partitions.find(std::get<1>(job.place));
  if (audit == topic->partitions.end()) return;
  auto group = audit->second.groups().find(std::get<2>(job.place));
  if (group == audit->second.groups().end()) return;
  if (job.failed) {
    watch.next_ms = std::max(watch.next_ms, steady_ms + (job.refused ? kDeniedMs : kFailedMs));
    if (!job.refused) return;
    Verdict refused{job.range, State::kSuspected, Reason::kMissingRight};
    return log.verdict(job.place, job.incarnation, std::span(&refused, 1), false);
  }
  bool wait = false;
  Case of{audit->second, group->second, topic->name};
  of.beyond = strangers_say(job, watch, group->second, steady_ms, wait);
  if (wait) return;
  const bool commits = std::any_of(topic->partitions.begin(), topic->partitions.end(), [&](const auto& item) {
    auto there = item.second.groups().find(std::get<2>(job.place));
    return there != item.second.groups().end() && there->second.committed().value >= 0;
  });
  of.within_sessions = !commits && !job.committed;
  of.reading =
      std::any_of(group->second.readers().begin(), group->second.readers().end(), [&](const auto& r) {
        const Reporter* reporter = std::as_const(state).reporters().find(r.first.reporter);
        return reporter && reporter->open();
      });
  note_past_end(job, watch, steady_ms);
  if (sampled(job)) return judge_sample(job, of, watch, log, steady_ms);
  std::vector<Verdict> said = verdicts(job, 0, of, watch, steady_ms);
  bool undecided = std::any_of(said.begin(), said.end(), [](const Verdict& v) {
    return v.state == State::kSuspected || v.state == State::kPending;
  });
  // A reading that a limit cut short goes on at once.
  Offset judged = std::min(job.evidence[0].committed.judged_to, job.evidence[0].uncommitted.judged_to);
  bool cut = judged > job.range.begin && judged < job.range.end;
  if (undecided && !cut) watch.next_ms = std::max(watch.next_ms, steady_ms + kUndecidedMs);
  log.verdict(job.place, job.incarnation, said, false);
  log.disown(job.place, job.incarnation, of.owed_not);
}

/// What a member without the plugin, or the lack of any member, forbids to call lost; `wait` when a new
/// member may still report.
Reason Verifier::strangers_say(const Job& job, Watch& watch, const GroupAudit& group, int64_t steady_ms,
                               bool& wait) {
  if (job.stranger) {
    if (watch.stranger_since_ms < 0) watch.stranger_since_ms = steady_ms;
    wait = steady_ms - watch.stranger_since_ms < kStrangerMs;
    if (wait) watch.next_ms = std::max(watch.next_ms, steady_ms + kUndecidedMs);
    return Reason::kUnauditedMember;
  }
  watch.stranger_since_ms = -1;
  // Nobody that we know ever read this partition for the group: maybe it is none of its partitions.
  const bool nobodys = !group.ever_read() && job.asked_members && !job.assigned;
  return nobodys ? Reason::kUnauditedMember : Reason::kNone;
}

/// Verdicts over what is open in one part, a skip above the group's position left out.
std::vector<Verdict> Verifier::verdicts(const Job& job, size_t part, Case& of, const Watch& watch,
                                        int64_t steady_ms) const {
  std::vector<Verdict> out;
  auto settings = settings_.find(of.topic);
  of.group.missing().each_within(job.parts[part], [&](OffsetRange piece, const Missing& m) {
    if (!m.open()) return;
    for (const auto& [range, taint] : of.group.proof().judge(piece, of.beyond)) {
      const bool above = range.begin >= of.group.proof().end();
      if (of.within_sessions && (above ? !of.reading : taint == Reason::kUnauditedMember)) {
        of.owed_not.push_back(range);
        continue;
      }
      Suspicion suspicion;
      suspicion.label = m.label;
      suspicion.bucket_ms = options_.bucket_ms;
      suspicion.taint = taint;
      suspicion.policy = settings == settings_.end() ? CleanupPolicy::kUnknown : settings->second.policy;
      suspicion.past_end_ms = watch.past_end_since_ms < 0 ? 0 : steady_ms - watch.past_end_since_ms;
      suspicion.past_end_hold_ms = options_.verify.past_end_hold_ms;
      Offset at = range.begin;
      auto upto = [&](Offset end, bool twice) {
        suspicion.range = {at, end};
        suspicion.claimed_twice = twice;
        if (at < end) judge_piece(job, part, of, suspicion, out);
        at = end;
      };
      for (const OffsetRange& twice : of.audit.twice().within(range)) {
        upto(twice.begin, false);
        upto(twice.end, true);
      }
      upto(range.end, false);
    }
  });
  return out;
}

void Verifier::judge_piece(const Job& job, size_t part, Case& of, const Suspicion& suspicion,
                           std::vector<Verdict>& out) const {
  for (const Verdict& v : judge(suspicion, job.evidence[part])) {
    bool skip = v.reason == Reason::kSkipped || v.state == State::kUnconfirmed ||
                (suspicion.claimed_twice && v.reason == Reason::kTruncated);
    const flow::Bounds& log = job.evidence[part].uncommitted.bounds;
    Offset passed = std::max(of.group.position(), log.start);
    if (!skip || v.range.end <= passed || v.range.begin >= log.end) {
      out.push_back(v);
    } else if (v.range.begin < passed) {
      out.push_back({{v.range.begin, passed}, v.state, v.reason});
    }
  }
}

/// What the budget has left unread for long says so.
void Verifier::note_starved(const Place& place, Watch& watch, const std::vector<OffsetRange>& parts,
                            int64_t incarnation, const GroupAudit& group, OperationLog& log,
                            int64_t steady_ms) {
  if (watch.starved_since_ms < 0 || steady_ms - watch.starved_since_ms < kStarvedMs) return;
  std::vector<Verdict> waiting;
  for (const OffsetRange& part : parts) {
    group.missing().each_within(part, [&](OffsetRange piece, const Missing& m) {
      if (m.state == State::kSuspected && m.reason == Reason::kNone)
        waiting.push_back({piece, State::kSuspected, Reason::kBeyondBudget});
    });
  }
  if (!waiting.empty()) log.verdict(place, incarnation, waiting, false);
}

/// A long range has one verdict when all that was read of it has; else it is read whole.
void Verifier::judge_sample(const Job& job, Case& of, Watch& watch, OperationLog& log, int64_t steady_ms) {
  std::vector<Verdict> all;
  for (size_t part = 0; part < job.parts.size(); ++part) {
    std::vector<Verdict> said = verdicts(job, part, of, watch, steady_ms);
    all.insert(all.end(), said.begin(), said.end());
  }
  if (!of.owed_not.empty()) {  // the parts between were not read, nor were they for anybody
    std::vector<OffsetRange> all_of{job.range};
    if (all.empty()) return log.disown(job.place, job.incarnation, all_of);
    watch.exact.insert(job.range.end);
    return;
  }
  bool agree = !all.empty() && all.front().state != State::kSuspected;
  for (const Verdict& v : all) agree &= v.state == all.front().state && v.reason == all.front().reason;
  bool settled = all.empty() || (all.front().state == State::kSuspected && !agree);
  if (agree) {
    Verdict whole{job.range, all.front().state, all.front().reason};
    log.verdict(job.place, job.incarnation, std::span(&whole, 1), true);
    return;
  }
  watch.next_ms = std::max(watch.next_ms, steady_ms + kUndecidedMs);
  if (!settled) watch.exact.insert(job.range.end);
}

/// Since when the log has ended where it ends, while something acknowledged lies past it.
void Verifier::note_past_end(const Job& job, Watch& watch, int64_t steady_ms) const {
  Offset end = job.evidence.back().uncommitted.bounds.end;
  if (job.range.end <= end) return;
  if (watch.past_end_since_ms < 0 || end > watch.past_end) watch.past_end_since_ms = steady_ms;
  watch.past_end = end;
}

void Verifier::drop_stale(int64_t steady_ms) {
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    if (steady_ms - it->second.since_ms <= kForgetMs) {
      ++it;
      continue;
    }
    if (auto watch = watches_.find(it->second.place); watch != watches_.end()) {
      if (watch->second.jobs > 0) --watch->second.jobs;
    }
    std::erase_if(open_, [&](const auto& item) { return item.second.job == it->first; });
    it = jobs_.erase(it);
  }
}

/// Whether the budget allows another reading now.
bool Verifier::spend(int64_t steady_ms) {
  int64_t rate = options_.verify.bytes_per_second_max;
  if (budget_ms_ == INT64_MIN) budget_bytes_ = rate;
  if (budget_ms_ != INT64_MIN)
    budget_bytes_ = std::min(rate, budget_bytes_ + (steady_ms - budget_ms_) * rate / 1000);
  budget_ms_ = steady_ms;
  return budget_bytes_ > 0;
}

void Verifier::flush(std::vector<flow::Ask>& asks) {
  for (flow::Ask& ask : ready_) asks.push_back(std::move(ask));
  ready_.clear();
}

}  // namespace waybill::audit
