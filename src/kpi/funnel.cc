#include "kpi/funnel.h"

#include <absl/hash/hash.h>

#include <algorithm>

#include "base/bytes.h"

namespace waybill::kpi {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr size_t kGroupsInternedMax = 65'000;

int64_t minute_of(int64_t ms) { return ms >= 0 ? ms / kMinuteMs : (ms - kMinuteMs + 1) / kMinuteMs; }

}  // namespace

size_t Funnel::Hash::operator()(std::string_view text) const {
  return absl::HashOf(text.size(), std::hash<std::string_view>()(text));
}

Funnel::Funnel(const Kpi& kpi, Windows windows, GroupAt group_at)
    : kpi_(kpi),
      windows_(std::move(windows)),
      group_at_(std::move(group_at)),
      index_(0, Hash{&ids_}, Equal{&ids_}) {}

uint16_t Funnel::intern(const std::string& group) {
  auto it = group_index_.find(group);
  if (it != group_index_.end()) return it->second;
  std::string kept = group_index_.size() < kGroupsInternedMax ? group : kOtherGroup;
  if (auto other = group_index_.find(kept); other != group_index_.end()) return other->second;
  const auto number = static_cast<uint16_t>(groups_.size());
  groups_.push_back(kept);
  group_index_.emplace(std::move(kept), number);
  return number;
}

Cell& Funnel::cell(size_t measure, int64_t ms, uint16_t group) {
  Group& found = group_at_(windows_.at(ms), groups_[group]);
  if (found.cells.size() < kpi_.measures.size()) found.cells.resize(kpi_.measures.size());
  return found.cells[measure];
}

int64_t Funnel::stuck_due(const Id& id) const {
  if (id.furthest + 1u >= kpi_.definition.steps->order.size()) return INT64_MAX;
  return id.base_ms + id.at[id.furthest] + kpi_.definition.steps->stuck_after_ms;
}

uint32_t Funnel::make(const StepEvent& event) {
  uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<uint32_t>(ids_.size());
    ids_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Id& id = ids_[index];
  id = Id{};
  id.text = event.id;
  id.base_ms = event.time_ms;
  id.last_ms = event.time_ms;
  id.at.fill(kNone);
  id.furthest = event.step;
  index_.insert(index);
  return index;
}

void Funnel::forget(uint32_t index) {
  index_.erase(index);
  ids_[index] = Id{};
  free_.push_back(index);
}

void Funnel::touch(uint32_t index) {
  if (ids_[index].dirty) return;
  ids_[index].dirty = true;
  dirty_.push_back(index);
}

void Funnel::queue(uint32_t index) {
  Id& id = ids_[index];
  if (const int64_t due = stuck_due(id); due != INT64_MAX && !id.stuck) {
    stuck_queue_[minute_of(due)].push_back(index);
  }
  if (id.forget_queued) return;
  id.forget_queued = true;
  forget_queue_[minute_of(id.last_ms + kpi_.definition.steps->keep_ms)].push_back(index);
}

void Funnel::set_stuck(Id& id, uint32_t index, bool stuck) {
  if (id.stuck == stuck) return;
  id.stuck = stuck;
  touch(index);
  const int64_t since = id.base_ms + id.at[id.furthest];
  for (size_t i = 0; i < kpi_.measures.size(); ++i) {
    const Measure& measure = kpi_.measures[i];
    if (measure.kind == ValueDef::Kind::kStuck && measure.from == id.furthest)
      cell(i, since, id.group[id.furthest]).count += stuck ? 1 : -1;
  }
  stuck_changes_.push_back({id.text, groups_[id.group[id.furthest]], since, id.furthest, stuck});
}

Funnel::Applied Funnel::apply(const StepEvent& event, int64_t watermark_ms) {
  auto found = index_.find(std::string_view(event.id));
  const StepsDef& steps = *kpi_.definition.steps;
  if (found != index_.end() && !keep_all_ && watermark_ms != INT64_MIN &&
      ids_[*found].last_ms + steps.keep_ms <= watermark_ms) {
    // advance() will come to it later or not; what counts is when it is due.
    Id& old = ids_[*found];
    if (stuck_due(old) <= watermark_ms) set_stuck(old, *found, true);
    forget(*found);
    found = index_.end();
  }
  if (found == index_.end() && static_cast<int64_t>(index_.size()) >= steps.ids_max) return Applied::kFull;
  const uint32_t index = found == index_.end() ? make(event) : *found;
  Id& id = ids_[index];
  const int64_t relative = event.time_ms - id.base_ms;
  if (relative <= INT32_MIN || relative > INT32_MAX) return Applied::kTooFar;
  if (id.at[event.step] != kNone) {
    ++repeated_;
    return Applied::kDone;
  }
  set_stuck(id, index, id.stuck && event.step < id.furthest);
  id.at[event.step] = static_cast<int32_t>(relative);
  id.group[event.step] = intern(event.group);
  id.furthest = std::max(id.furthest, event.step);
  id.last_ms = std::max(id.last_ms, event.time_ms);
  for (size_t i = 0; i < kpi_.measures.size(); ++i) {
    const Measure& measure = kpi_.measures[i];
    if (measure.kind == ValueDef::Kind::kReached && measure.from == event.step)
      ++cell(i, event.time_ms, id.group[event.step]).count;
    if (measure.kind != ValueDef::Kind::kBetween || (measure.from != event.step && measure.to != event.step))
      continue;
    if (id.at[measure.from] == kNone || id.at[measure.to] == kNone) continue;
    Cell& into = cell(i, id.base_ms + id.at[measure.to], id.group[measure.to]);
    const int64_t ms = int64_t{id.at[measure.to]} - id.at[measure.from];
    measure.sketch ? into.add_sketched(ms) : into.add(ms);
  }
  touch(index);
  queue(index);
  return Applied::kDone;
}

void Funnel::advance(int64_t watermark_ms) {
  if (watermark_ms == INT64_MIN) return;
  const int64_t minute = minute_of(watermark_ms);
  std::vector<uint32_t> waiting;
  while (!stuck_queue_.empty() && stuck_queue_.begin()->first <= minute) {
    for (uint32_t index : stuck_queue_.begin()->second) {
      Id& id = ids_[index];
      const int64_t due = id.text.empty() || id.stuck ? INT64_MAX : stuck_due(id);
      if (due <= watermark_ms) {
        set_stuck(id, index, true);
      } else if (due != INT64_MAX && minute_of(due) == minute) {
        waiting.push_back(index);
      }
    }
    stuck_queue_.erase(stuck_queue_.begin());
  }
  if (!waiting.empty()) {
    std::sort(waiting.begin(), waiting.end());
    waiting.erase(std::unique(waiting.begin(), waiting.end()), waiting.end());
    stuck_queue_[minute] = std::move(waiting);
  }
  while (!keep_all_ && !forget_queue_.empty() && forget_queue_.begin()->first < minute) {
    const std::vector<uint32_t> due = std::move(forget_queue_.begin()->second);
    forget_queue_.erase(forget_queue_.begin());
    for (uint32_t index : due) {
      Id& id = ids_[index];
      if (id.text.empty()) continue;
      const int64_t until = id.last_ms + kpi_.definition.steps->keep_ms;
      if (until <= watermark_ms && stuck_due(id) != INT64_MAX)
        set_stuck(id, index, stuck_due(id) <= watermark_ms);
      if (until <= watermark_ms) {
        forget(index);
      } else {
        forget_queue_[minute_of(until)].push_back(index);
      }
    }
  }
}

std::vector<StuckChange> Funnel::take_stuck() { return std::exchange(stuck_changes_, {}); }

std::string Funnel::encode(const Id& id) const {
  ByteWriter out;
  out.text(id.text);
  out.i64(id.base_ms);
  out.i64(id.last_ms);
  out.u64((uint64_t{id.furthest} << 1) | (id.stuck ? 1 : 0));
  uint64_t reached = 0;
  for (size_t i = 0; i < kStepsMax; ++i) reached |= uint64_t{id.at[i] != kNone} << i;
  out.u64(reached);
  for (size_t i = 0; i < kStepsMax; ++i) {
    if (id.at[i] == kNone) continue;
    out.i64(id.at[i]);
    out.text(groups_[id.group[i]]);
  }
  return out.take();
}

void Funnel::take_dirty(const std::function<void(int64_t, std::string_view)>& each) {
  for (uint32_t index : dirty_) {
    Id& id = ids_[index];
    if (!id.dirty) continue;  // forgotten since
    id.dirty = false;
    each(id.last_ms, encode(id));
  }
  dirty_.clear();
}

Result<void> Funnel::restore(std::string_view bytes) {
  ByteReader in(bytes);
  while (!in.at_end()) {
    StepEvent event;
    event.id = in.text();
    event.time_ms = in.i64();
    const int64_t last_ms = in.i64();
    const uint64_t flags = in.u64();
    const uint64_t reached = in.u64();
    if (!in.ok() || event.id.empty() || flags >> 1 >= kStepsMax || reached >> kStepsMax)
      return fail(Errc::kCorrupt, "the state of the steps is damaged");
    auto found = index_.find(std::string_view(event.id));
    const uint32_t index = found == index_.end() ? make(event) : *found;
    Id& id = ids_[index];
    id.base_ms = event.time_ms;
    id.last_ms = last_ms;
    id.furthest = static_cast<uint8_t>(flags >> 1);
    id.stuck = flags & 1;
    for (size_t i = 0; i < kStepsMax; ++i) {
      id.at[i] = kNone;
      if (!(reached >> i & 1)) continue;
      id.at[i] = static_cast<int32_t>(in.i64());
      id.group[i] = intern(in.text());
    }
    if (!in.ok()) return fail(Errc::kCorrupt, "the state of the steps is damaged");
    queue(index);
  }
  return {};
}

}  // namespace waybill::kpi
