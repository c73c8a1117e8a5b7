#include "audit/decision_book.h"

#include <algorithm>

namespace waybill::audit {
namespace {

bool touch(OffsetRange a, OffsetRange b) { return a.begin < b.end && b.begin < a.end; }

/// Whether the replay may have delivered something of [range) of that partition.
bool covers(const DecisionBook::Replay& replay, PartitionId partition, OffsetRange range) {
  for (const tally::DecidedPartition& p : (replay.end ? *replay.end : replay.begin).partitions) {
    if (p.partition != partition) continue;
    for (const OffsetRange& r : p.ranges) {
      if (touch(r, range)) return true;
    }
  }
  return std::any_of(replay.waiting.begin(), replay.waiting.end(), [&](const DecisionBook::Waiting& w) {
    return w.partition == partition && touch(w.moved.range, range);
  });
}

}  // namespace

size_t run_count(const DecisionBook::Replay& replay) {
  size_t n = replay.waiting.size() + 1;
  for (const tally::DecidedPartition& p : replay.begin.partitions) n += p.ranges.size();
  if (!replay.end) return n;
  for (const tally::DecidedPartition& p : replay.end->partitions) n += p.ranges.size() + p.moved.size();
  return n;
}

bool DecisionBook::known(const Id128& id, tally::DecisionKind kind) const {
  return known_.contains({id, kind});
}

void DecisionBook::note(const Id128& id, tally::DecisionKind kind) {
  if (!known_.emplace(std::pair(id, kind), 0).second) return;
  recent_.emplace_back(id, kind);
  if (recent_.size() <= kRecentMax) return;
  known_.erase(recent_.front());
  recent_.pop_front();
}

void DecisionBook::begin(const tally::Decision& decision) {
  replays_[decision.id] = {decision, std::nullopt, {}};
}

DecisionBook::Replay* DecisionBook::find(const Id128& id) {
  auto it = replays_.find(id);
  return it == replays_.end() ? nullptr : &it->second;
}

const DecisionBook::Replay* DecisionBook::find(const Id128& id) const {
  auto it = replays_.find(id);
  return it == replays_.end() ? nullptr : &it->second;
}

std::vector<DecisionBook::Replay> DecisionBook::shrink() {
  std::vector<Replay> out;
  size_t runs = 0;
  for (const auto& [id, replay] : replays_) runs += run_count(replay);
  while (runs > kRunsMax && replays_.size() > 1) {
    auto oldest = std::min_element(replays_.begin(), replays_.end(), [](const auto& a, const auto& b) {
      return a.second.begin.decided_ms < b.second.begin.decided_ms;
    });
    runs -= run_count(oldest->second);
    out.push_back(std::move(oldest->second));
    replays_.erase(oldest);
  }
  return out;
}

const DecisionBook::Replay* DecisionBook::overlapping(const tally::Decision& d) const {
  for (const auto& [id, replay] : replays_) {
    const tally::Decision& b = replay.begin;
    if (b.topic != d.topic || b.group != d.group || b.incarnation != d.incarnation) continue;
    for (const tally::DecidedPartition& p : d.partitions) {
      for (const OffsetRange& range : p.ranges) {
        if (covers(replay, p.partition, range)) return &replay;
      }
    }
  }
  return nullptr;
}

void DecisionBook::save(StateWriter& out) const {
  out.u64(recent_.size());
  for (const auto& [id, kind] : recent_) {
    out.id(id);
    out.u64(static_cast<uint64_t>(kind));
  }
  out.u64(replays_.size());
  for (const auto& [id, replay] : replays_) {
    out.text(tally::encode_decision(replay.begin));
    out.text(replay.end ? tally::encode_decision(*replay.end) : "");
    out.u64(replay.waiting.size());
    for (const Waiting& w : replay.waiting) {
      for (int64_t v : {int64_t{w.partition.value}, w.moved.range.begin.value, w.moved.range.end.value,
                        w.moved.to.value}) {
        out.i64(v);
      }
    }
  }
}

void DecisionBook::load(StateReader& in) {
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    Id128 id = in.id();
    note(id, static_cast<tally::DecisionKind>(in.u64() % 4));
  }
  for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
    auto begin = tally::decode_decision(in.view());
    std::string_view end = in.view();
    Replay replay;
    if (begin) replay.begin = *std::move(begin);
    if (!end.empty()) {
      if (auto told = tally::decode_decision(end)) replay.end = *std::move(told);
    }
    for (uint64_t w = in.count(); w > 0 && in.ok(); --w) {
      Waiting waiting;
      waiting.partition = PartitionId(static_cast<int32_t>(in.i64()));
      waiting.moved.range.begin = Offset(in.i64());
      waiting.moved.range.end = Offset(in.i64());
      waiting.moved.to = Offset(in.i64());
      replay.waiting.push_back(waiting);
    }
    if (replay.begin.id != Id128{}) replays_[replay.begin.id] = std::move(replay);
  }
}

}  // namespace waybill::audit
