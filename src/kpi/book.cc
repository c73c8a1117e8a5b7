#include "kpi/book.h"

#include <algorithm>

namespace waybill::kpi {

std::string other_key(const Kpi& kpi) {
  std::string key;
  for (size_t i = 0; i < kpi.by.size(); ++i) {
    if (i > 0) key.push_back(kKeySeparator);
    key += kOtherGroup;
  }
  return key;
}

Book::Book(std::shared_ptr<const Program> program) : program_(std::move(program)) {
  const std::vector<Kpi>& kpis = program_->kpis();
  kpis_.resize(kpis.size());
  for (size_t i = 0; i < kpis.size(); ++i) {
    if (!kpis[i].by_step_values) continue;
    kpis_[i].funnel = std::make_unique<Funnel>(
        kpis[i], program_->windows_of(kpis[i]),
        [this, i](WindowSpan window, const std::string& key) -> Group& { return group_at(i, window, key); });
  }
}

void Book::next_input() {
  for (KpiState& state : kpis_) {
    state.watermark_ms = INT64_MIN;
    state.newest_ms[0] = INT64_MIN;
    if (state.funnel) state.funnel->keep_all();
  }
}

void Book::select_input(size_t number) {
  input_ = number;
  for (KpiState& state : kpis_) {
    if (state.newest_ms.size() <= number) state.newest_ms.resize(number + 1, INT64_MIN);
  }
}

void Book::settle(KpiState& state) {
  int64_t least = INT64_MAX;
  for (int64_t newest : state.newest_ms) {
    if (newest != INT64_MIN) least = std::min(least, newest);
  }
  if (least != INT64_MAX) state.watermark_ms = least;
}

void Book::restore_newest(size_t kpi, size_t input, int64_t newest_ms) {
  select_input(input);
  kpis_[kpi].newest_ms[input] = newest_ms;
  settle(kpis_[kpi]);
}

void Book::restore_group(size_t kpi, int64_t start_ms, const std::string& key) {
  KpiState& state = kpis_[kpi];
  state.known[start_ms].insert(key);
  state.ends[start_ms] = program_->windows_of(program_->kpis()[kpi]).at(start_ms).end_ms;
}

std::string Book::admitted(size_t index, WindowSpan window, const std::string& key) {
  KpiState& state = kpis_[index];
  auto& known = state.known[window.start_ms];
  if (known.contains(key)) return key;
  const Kpi& kpi = program_->kpis()[index];
  std::string admitted =
      static_cast<int64_t>(known.size()) < kpi.definition.groups_max ? key : other_key(kpi);
  if (known.insert(admitted).second) {
    state.ends[window.start_ms] = window.end_ms;
    state.new_groups.emplace_back(window.start_ms, admitted);
  }
  return admitted;
}

Group& Book::group_at(size_t index, WindowSpan window, const std::string& key) {
  Window& into = kpis_[index].windows[window.start_ms];
  into.end_ms = window.end_ms;
  auto& slot = into.groups[admitted(index, window, key)];
  if (!slot) slot = std::make_unique<Group>();
  return *slot;
}

void Book::add_problem(const ProblemKey& key, const Problem& problem, int64_t base) {
  auto it = problems_.find(key);
  if (it == problems_.end() && problems_.size() >= kProblemKindsMax) {
    it = problems_.try_emplace({key.kpi, key.reason, 0, ""}).first;
  } else if (it == problems_.end()) {
    it = problems_.try_emplace(key).first;
  }
  if (it->second.count == 0) {
    it->second = problem;
    it->second.first_place += base;
    return;
  }
  it->second.count += problem.count;
}

void Book::apply(Partial&& partial, int64_t base) {
  lines_ += partial.lines;
  malformed_ += partial.malformed;
  for (const auto& [key, problem] : partial.problems) add_problem(key, problem, base);
  for (size_t i = 0; i < partial.kpis.size(); ++i) apply(i, std::move(partial.kpis[i]));
  advance();
}

void Book::apply(size_t index, KpiPart&& part) {
  KpiState& state = kpis_[index];
  const Kpi& kpi = program_->kpis()[index];
  const int64_t before = state.newest_ms[input_];
  state.too_late += part.too_late;
  for (auto& [start, window] : part.windows) {
    if (before != INT64_MIN && window->end_ms <= before - kpi.definition.lateness_ms) {
      state.too_late += window->lines;
      continue;
    }
    std::vector<const Groups::value_type*> met;
    for (const auto& group : window->groups) met.push_back(&group);
    // The first ones fit, wherever the lines were cut into blocks.
    std::sort(met.begin(), met.end(),
              [](const auto* a, const auto* b) { return a->second->met < b->second->met; });
    for (const auto* group : met) {
      const auto& [key, from] = *group;
      const std::string into = admitted(index, {start, window->end_ms}, key);
      if (into != key) state.other_lines += from->lines;
      group_at(index, {start, window->end_ms}, into).merge(*from);
    }
  }
  apply_steps(index, part.steps, before);
  state.newest_ms[input_] = std::max(before, part.newest_ms);
  settle(state);
}

void Book::apply_steps(size_t index, const std::vector<StepEvent>& steps, int64_t before_ms) {
  if (steps.empty()) return;
  KpiState& state = kpis_[index];
  const Definition& definition = program_->kpis()[index].definition;
  int64_t others = INT64_MAX;
  for (size_t i = 0; i < state.newest_ms.size(); ++i) {
    if (i != input_ && state.newest_ms[i] != INT64_MIN) others = std::min(others, state.newest_ms[i]);
  }
  for (const StepEvent& event : steps) {
    const bool late = before_ms != INT64_MIN && event.window_end_ms <= before_ms - definition.lateness_ms;
    if (late) continue;
    const Funnel::Applied applied =
        state.funnel->apply(event, std::min(std::max(before_ms, event.newest_ms), others));
    if (applied == Funnel::Applied::kDone) continue;
    const Reason reason = applied == Funnel::Applied::kFull ? Reason::kIdsFull : Reason::kStepOrder;
    const std::string& field = definition.steps->id.names.front();
    add_problem({static_cast<uint8_t>(index), reason, 0, field}, {1, 0, event.id}, 0);
  }
}

void Book::advance_funnel(KpiState& state) {
  state.funnel->advance(state.watermark_ms);
  for (StuckChange& change : state.funnel->take_stuck()) {
    if (!change.stuck) {
      state.stuck.erase(change.id);
    } else if (state.stuck.size() < kStuckListedMax || state.stuck.contains(change.id)) {
      state.stuck.insert_or_assign(change.id, change);
    }
    if (keep_stuck_changes_) state.stuck_changes.push_back(std::move(change));
  }
}

void Book::advance() {
  const std::vector<Kpi>& kpis = program_->kpis();
  for (size_t i = 0; i < kpis_.size(); ++i) {
    KpiState& state = kpis_[i];
    if (state.watermark_ms == INT64_MIN) continue;
    if (state.funnel) advance_funnel(state);
    const int64_t closed = state.watermark_ms - kpis[i].definition.lateness_ms;
    for (auto it = state.ends.begin(); it != state.ends.end() && it->first <= closed;) {
      if (it->second > closed) {
        ++it;
        continue;
      }
      state.known.erase(it->first);
      state.closed.push_back(it->first);
      it = state.ends.erase(it);
    }
  }
}

}  // namespace waybill::kpi
