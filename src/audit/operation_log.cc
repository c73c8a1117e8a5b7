#include "audit/operation_log.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "tally/report_codec.h"

namespace waybill::audit {
namespace {

using flow::SegmentChange;

constexpr uint64_t kFormat = 4;
constexpr size_t kPartBytes = 512u << 10;  ///< of one segment; the limit is flow::kSegmentBytesMax
static_assert(kPartBytes <= flow::kSegmentBytesMax);

enum Operation : uint64_t {
  kReport = 1,
  kTick,
  kJudge,
  kBounds,
  kOldestUnread,
  kFirstRecord,
  kIncomplete,
  kFlush,
  kSuspect,
  kVerdict,
  kDecision,
  kPartitionCount,
  kRetire,
  kDisown
};

/// Six digits at least, so that the parts sort in order.
std::string part_name(const std::string& base, size_t part) {
  const std::string digits = std::to_string(part);
  return base + "/" + std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
}

/// The group's partition and the incarnation of its topic, as kVerdict and kDisown begin.
void put_place(StateWriter& op, const AuditState::Place& place, int64_t incarnation) {
  op.u64(std::get<0>(place));
  op.i64(std::get<1>(place).value);
  op.text(std::get<2>(place));
  op.i64(incarnation);
}

std::pair<AuditState::Place, int64_t> take_place(StateReader& in) {
  const auto topic = static_cast<TopicIndex>(in.u64());
  const PartitionId partition(static_cast<int32_t>(in.i64()));
  std::string group = in.text();
  return {{topic, partition, std::move(group)}, in.i64()};
}

void put_range(StateWriter& op, const OffsetRange& range) {
  op.i64(range.begin.value);
  op.i64(range.end.value);
}

OffsetRange take_range(StateReader& in) {
  const Offset begin(in.i64());
  return {begin, Offset(in.i64())};
}

/// What the state does not look at is not kept.
void strip(tally::Report& report) {
  report.rates.clear();
  for (tally::Entry& entry : report.entries) {
    tally::BucketLabel label = entry.bucket.label;
    entry.bucket = {};
    entry.bucket.label = label;
  }
}

}  // namespace

void OperationLog::write(const StateWriter& op) {
  StateWriter frame;
  frame.u64(op.size());
  pending_ += frame.bytes();
  pending_ += op.bytes();
}

void OperationLog::apply(tally::Report report, int64_t time_ms) {
  state_.apply(report, time_ms);
  strip(report);
  StateWriter op;
  op.u64(kReport);
  op.i64(time_ms);
  op.text(tally::encode_report(report));
  write(op);
}

void OperationLog::tick(int64_t clock_ms) {
  if (!state_.tick(clock_ms)) return;
  StateWriter op;
  op.u64(kTick);
  op.i64(clock_ms);
  write(op);
}

void OperationLog::judge() {
  if (!state_.judge()) return;
  StateWriter op;
  op.u64(kJudge);
  write(op);
}

void OperationLog::set_bounds(TopicIndex topic, PartitionId partition, flow::Bounds bounds, int64_t wall_ms) {
  state_.set_bounds(topic, partition, bounds.start, bounds.end, wall_ms);
  StateWriter op;
  op.u64(kBounds);
  op.u64(topic);
  op.i64(partition.value);
  for (int64_t v : {bounds.start.value, bounds.end.value, wall_ms}) op.i64(v);
  write(op);
}

void OperationLog::suspect(TopicIndex topic, PartitionId partition, OffsetRange range) {
  state_.suspect(topic, partition, range);
  StateWriter op;
  op.u64(kSuspect);
  op.u64(topic);
  for (int64_t v : {int64_t{partition.value}, range.begin.value, range.end.value}) op.i64(v);
  write(op);
}

void OperationLog::verdict(const AuditState::Place& place, int64_t incarnation,
                           std::span<const Verdict> verdicts, bool sampled) {
  if (!state_.verdict(place, incarnation, verdicts, sampled)) return;
  StateWriter op;
  op.u64(kVerdict);
  put_place(op, place, incarnation);
  op.u64(sampled ? 1 : 0);
  op.u64(verdicts.size());
  for (const Verdict& v : verdicts) {
    put_range(op, v.range);
    op.u64(static_cast<uint64_t>(v.state));
    op.u64(static_cast<uint64_t>(v.reason));
  }
  write(op);
}

void OperationLog::decide(const tally::Decision& decision, int64_t time_ms) {
  if (!state_.decide(decision, time_ms)) return;
  StateWriter op;
  op.u64(kDecision);
  op.i64(time_ms);
  op.text(tally::encode_decision(decision));
  write(op);
}

void OperationLog::set_partition_count(TopicIndex topic, int32_t count) {
  if (!state_.set_partition_count(topic, count)) return;
  StateWriter op;
  op.u64(kPartitionCount);
  op.u64(topic);
  op.i64(count);
  write(op);
}

void OperationLog::retire(TopicIndex topic, const std::string& group) {
  if (!state_.retire(topic, group)) return;
  StateWriter op;
  op.u64(kRetire);
  op.u64(topic);
  op.text(group);
  write(op);
}

void OperationLog::disown(const AuditState::Place& place, int64_t incarnation,
                          std::span<const OffsetRange> ranges) {
  if (!state_.disown(place, incarnation, ranges)) return;
  StateWriter op;
  op.u64(kDisown);
  put_place(op, place, incarnation);
  op.u64(ranges.size());
  for (const OffsetRange& range : ranges) put_range(op, range);
  write(op);
}

bool OperationLog::replay_owes(uint64_t operation, StateReader& in) {
  if (operation == kDisown) {
    const auto [place, incarnation] = take_place(in);
    std::vector<OffsetRange> ranges;
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) ranges.push_back(take_range(in));
    if (in.ok()) state_.disown(place, incarnation, ranges);
    return in.ok() && in.at_end();
  }
  auto topic = static_cast<TopicIndex>(in.u64());
  if (operation == kPartitionCount) {
    state_.set_partition_count(topic, static_cast<int32_t>(in.i64()));
  } else {
    state_.retire(topic, in.text());
  }
  return in.ok() && in.at_end();
}

void OperationLog::set_oldest_unread(TopicIndex topic, PartitionId partition, const std::string& group,
                                     int64_t time_ms) {
  state_.set_oldest_unread(topic, partition, group, time_ms);
  StateWriter op;
  op.u64(kOldestUnread);
  op.u64(topic);
  op.i64(partition.value);
  op.text(group);
  op.i64(time_ms);
  write(op);
}

void OperationLog::first_record(TopicIndex topic, PartitionId partition, int64_t time_ms) {
  state_.first_record(topic, partition, time_ms);
  StateWriter op;
  op.u64(kFirstRecord);
  op.u64(topic);
  op.i64(partition.value);
  op.i64(time_ms);
  write(op);
}

void OperationLog::note_incomplete(std::string_view reason, int64_t from_ms, int64_t to_ms,
                                   std::string detail) {
  StateWriter op;
  op.u64(kIncomplete);
  op.text(reason);
  op.i64(from_ms);
  op.i64(to_ms);
  write(op);
  state_.note_incomplete("", {}, reason, from_ms, to_ms, std::move(detail));
}

bool OperationLog::replay_verdict(StateReader& in) {
  const auto [place, incarnation] = take_place(in);
  bool sampled = in.u64() != 0;
  std::vector<Verdict> verdicts;
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    Verdict v;
    v.range = take_range(in);
    v.state = static_cast<State>(in.u64());
    v.reason = static_cast<Reason>(in.u64());
    if (v.state > State::kExcused || v.reason > Reason::kBeyondBudget) return false;
    verdicts.push_back(v);
  }
  if (!in.ok() || !in.at_end()) return false;
  state_.verdict(place, incarnation, verdicts, sampled);
  return true;
}

bool OperationLog::replay_decision(StateReader& in) {
  int64_t time_ms = in.i64();
  auto decision = tally::decode_decision(in.view());
  if (!decision || !in.ok() || !in.at_end()) return false;
  state_.decide(*decision, time_ms);
  return true;
}

bool OperationLog::replay_one(StateReader& in) {
  const uint64_t operation = in.u64();
  switch (operation) {
    case kReport: {
      int64_t time_ms = in.i64();
      auto report = tally::decode_report(in.view());
      if (!in.ok() || !report) return false;
      state_.apply(*report, time_ms);
      break;
    }
    case kTick:
      state_.tick(in.i64());
      break;
    case kJudge:
      state_.judge();
      break;
    case kBounds: {
      auto topic = static_cast<TopicIndex>(in.u64());
      PartitionId partition(static_cast<int32_t>(in.i64()));
      Offset start(in.i64()), end(in.i64());
      state_.set_bounds(topic, partition, start, end, in.i64());
      break;
    }
    case kOldestUnread: {
      auto topic = static_cast<TopicIndex>(in.u64());
      PartitionId partition(static_cast<int32_t>(in.i64()));
      std::string group = in.text();
      state_.set_oldest_unread(topic, partition, group, in.i64());
      break;
    }
    case kFirstRecord: {
      auto topic = static_cast<TopicIndex>(in.u64());
      PartitionId partition(static_cast<int32_t>(in.i64()));
      state_.first_record(topic, partition, in.i64());
      break;
    }
    case kIncomplete: {
      std::string reason = in.text();
      int64_t from_ms = in.i64();
      state_.note_incomplete("", {}, reason, from_ms, in.i64(), {});
      break;
    }
    case kSuspect: {
      auto topic = static_cast<TopicIndex>(in.u64());
      PartitionId partition(static_cast<int32_t>(in.i64()));
      Offset begin(in.i64()), end(in.i64());
      state_.suspect(topic, partition, {begin, end});
      break;
    }
    case kVerdict:
      return replay_verdict(in);
    case kPartitionCount:
    case kRetire:
    case kDisown:
      return replay_owes(operation, in);
    case kDecision:
      return replay_decision(in);
    case kFlush: {
      flow::Rows rows;
      state_.flush(rows);
      break;
    }
    default:
      return false;
  }
  return in.ok() && in.at_end();
}

Result<void> OperationLog::replay(std::string_view log) {
  StateReader in(log);
  while (!in.at_end()) {
    StateReader op(in.view());
    if (!in.ok() || !replay_one(op))
      return fail(Errc::kCorrupt, "the collector's stored log does not read back");
  }
  return {};
}

void OperationLog::flush(flow::Changes& changes) {
  if (pending_.empty() && state_.rows().empty()) return;
  state_.flush(changes.rows);
  StateWriter op;
  op.u64(kFlush);
  write(op);
  if (!stamped_) {
    StateWriter format;
    format.u64(kFormat);
    changes.segments.push_back({SegmentChange::Op::kReplace, "format", format.take()});
    stamped_ = true;
  }
  size_t whole = 0;
  for (const auto& [base, bytes] : stored_) whole += bytes;
  if (log_bytes_ + pending_.size() > std::min(std::max(whole, log_min_), kLogMax)) {
    checkpoint(changes);
  } else {
    append_log(changes);
  }
  pending_.clear();
}

void OperationLog::append_log(flow::Changes& changes) {
  std::string_view rest = pending_;
  while (!rest.empty()) {
    size_t used = log_bytes_ % kPartBytes;
    std::string_view piece = rest.substr(0, kPartBytes - used);
    changes.segments.push_back(
        {SegmentChange::Op::kAppend, part_name("log", log_bytes_ / kPartBytes), std::string(piece)});
    log_bytes_ += piece.size();
    rest.remove_prefix(piece.size());
  }
  log_segments_ = (log_bytes_ + kPartBytes - 1) / kPartBytes;
}

void OperationLog::checkpoint(flow::Changes& changes) {
  replace("core", state_.save_core(), changes);
  for (TopicIndex topic : state_.dirty().topics)
    replace("t/" + std::to_string(topic), state_.save_topic(topic), changes);
  for (const auto& [topic, partition] : state_.dirty().partitions) {
    std::string base = "p/" + std::to_string(topic) + "/" + std::to_string(partition.value);
    TopicState* state = state_.topic(topic);
    if (state && state->partitions.contains(partition)) {
      replace(base, state_.save_partition(topic, partition), changes);
    } else {
      drop(base, changes);
    }
  }
  state_.dirty() = {};
  for (size_t i = 0; i < log_segments_; ++i)
    changes.segments.push_back({SegmentChange::Op::kDrop, part_name("log", i), {}});
  log_segments_ = log_bytes_ = 0;
}

void OperationLog::replace(const std::string& base, std::string_view bytes, flow::Changes& changes) {
  size_t parts = (bytes.size() + kPartBytes - 1) / kPartBytes;
  for (size_t i = 0; i < parts; ++i) {
    changes.segments.push_back({SegmentChange::Op::kReplace, part_name(base, i),
                                std::string(bytes.substr(i * kPartBytes, kPartBytes))});
  }
  size_t before = (stored_[base] + kPartBytes - 1) / kPartBytes;
  for (size_t i = parts; i < before; ++i)
    changes.segments.push_back({SegmentChange::Op::kDrop, part_name(base, i), {}});
  stored_[base] = bytes.size();
}

void OperationLog::drop(const std::string& base, flow::Changes& changes) {
  replace(base, {}, changes);
  stored_.erase(base);
}

Result<void> OperationLog::restore(const flow::SegmentReader& segments) {
  std::map<std::string, std::string> whole;  // base -> bytes; names come sorted, so parts join in order
  for (const std::string& name : segments.names()) {
    auto bytes = segments.read(name);
    if (!bytes) return tl::make_unexpected(std::move(bytes.error()).within("collector state " + name));
    if (name == "format") {
      stamped_ = true;
      if (StateReader(*bytes).u64() != kFormat) {
        return fail(Errc::kUnsupported,
                    "the collector's state was written by another version of the program");
      }
      continue;
    }
    std::string base = name.substr(0, name.rfind('/'));
    whole[base] += *bytes;
    if (base == "log") ++log_segments_;
  }
  std::string log = std::move(whole["log"]);
  whole.erase("log");
  log_bytes_ = log.size();
  for (const auto& [base, bytes] : whole) {
    bool ok = false;
    unsigned topic = 0;
    int partition = 0;
    if (base == "core") {
      ok = state_.load_core(bytes);
    } else if (std::sscanf(base.c_str(), "p/%u/%d", &topic, &partition) == 2) {
      ok = state_.load_partition(topic, PartitionId(partition), bytes);
    } else if (std::sscanf(base.c_str(), "t/%u", &topic) == 1) {
      ok = state_.load_topic(topic, bytes);
    }
    if (!ok) return fail(Errc::kCorrupt, "collector state " + base + " does not read back");
    stored_[base] = bytes.size();
  }
  auto replayed = replay(log);
  state_.restored();
  return replayed;
}

}  // namespace waybill::audit
