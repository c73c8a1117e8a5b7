#include "sink/outbox_drainer.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace waybill::sink {

OutboxDrainer::OutboxDrainer(flow::Store& store, const Clock& clock, flow::OwnerId owner,
                             std::vector<NamedSink> sinks, Route route, OutboxFigures& figures, LogFn log)
    : store_(store),
      clock_(clock),
      owner_(std::move(owner)),
      sinks_(std::move(sinks)),
      route_(std::move(route)),
      figures_(figures),
      log_(std::move(log)),
      states_(sinks_.size()) {
  ASSERT(!sinks_.empty());
  ASSERT(figures_.sinks.size() == sinks_.size());
}

bool OutboxDrainer::step(const std::stop_token& stop) {
  bool busy = false;
  auto tried = [&]() -> Result<void> {
    for (size_t i = 0; i < sinks_.size() && !stop.stop_requested(); ++i) {
      if (!states_[i].backoff.due(clock_.now().steady_ms)) continue;
      auto mine = held();
      if (!mine) return tl::make_unexpected(mine.error());
      if (!*mine) return {};
      auto more = drain(i);
      if (!more) return tl::make_unexpected(more.error());
      busy |= *more;
    }
    if (auto done = give_up(); !done) return done;
    return delete_done();
  }();
  if (!tried && !store_failed_) {
    log_(LogLevel::kWarn, "the outbox cannot be drained, it will be tried again: " + tried.error().message);
  }
  store_failed_ = !tried;
  return busy && tried;
}

void OutboxDrainer::interrupt() {
  for (NamedSink& named : sinks_) named.sink->interrupt();
}

Result<bool> OutboxDrainer::held() {
  const Now now = clock_.now();
  if (now.steady_ms < ask_lease_ms_) return held_;
  const bool held_before = std::exchange(held_, false);
  auto lease = store_.lease(kOutboxLease, owner_, kOutboxLeaseTtl, now);
  if (!lease) return tl::make_unexpected(lease.error());
  if (lease->held && (!held_before || lease->epoch != epoch_)) {
    if (auto begun = begin(); !begun) return tl::make_unexpected(begun.error());
  }
  epoch_ = lease->epoch;
  held_ = lease->held;
  ask_lease_ms_ = now.steady_ms + (held_ ? kOutboxLeaseRenew : kOutboxLeaseRetry).count();
  return held_;
}

/// What is deleted is done, by whomever.
Result<void> OutboxDrainer::begin() {
  auto last = store_.outbox_last();
  if (!last) return tl::make_unexpected(last.error());
  auto first = store_.outbox(0, 1);
  if (!first) return tl::make_unexpected(first.error());
  const int64_t gone = first->empty() ? *last : first->front().sequence - 1;
  for (size_t i = 0; i < sinks_.size(); ++i) {
    restart(states_[i], std::max(states_[i].cursor, gone));
    states_[i].check_ms = INT64_MIN;
    sinks_[i].sink->begin();
  }
  return {};
}

bool OutboxDrainer::checked(size_t at) {
  State& state = states_[at];
  const int64_t now_ms = clock_.now().steady_ms;
  if (now_ms < state.check_ms) return true;
  auto ready = sinks_[at].sink->check(state.cursor, kDeliverWait);
  if (!ready) {
    note(at, {.error = ready.error()});
    return false;
  }
  if (*ready == SinkState::kCatchingUp) return false;
  if (*ready == SinkState::kReady) note(at, {});
  state.check_ms = now_ms + kSinkCheckEvery.count();
  return true;
}

Result<bool> OutboxDrainer::drain(size_t at) {
  State& state = states_[at];
  if (sinks_[at].latest_only && figures_.rows > kLookFromRows) {
    // Also while the sink is down: it is known what is needless when it is back.
    if (auto looked = state.latest.look(store_, state.read_to); !looked)
      return tl::make_unexpected(std::move(looked.error()));
  }
  if (!checked(at)) return state.backoff.due(clock_.now().steady_ms);
  auto more = fill(at);
  if (!more) return more;
  if (state.offered.empty()) {
    state.cursor = state.read_to;
    return more;
  }
  const Delivery delivery = sinks_[at].sink->deliver(state.offered, kDeliverWait);
  ASSERT(delivery.done <= state.offered.size() && delivery.refused <= delivery.done);
  pop_done(state, delivery.done);
  // Rows of other sinks need no acknowledgement of this one.
  state.cursor = state.offered.empty() ? state.read_to : state.offered.front().sequence - 1;
  if (delivery.done > 0 || delivery.error) note(at, delivery);
  return !delivery.error;
}

Result<bool> OutboxDrainer::fill(size_t at) {
  State& state = states_[at];
  const OfferBound bound = sinks_[at].sink->offer_bound();
  const int64_t from = state.read_to;
  while (state.offered.size() < bound.records && state.offered_bytes < bound.bytes &&
         state.read_to - from < kStepRowsMax) {
    const auto room = static_cast<int64_t>(bound.records - state.offered.size());
    const int64_t limit = std::min(state.page_rows, room);
    const size_t bytes_max = std::min(kPageBytes, bound.bytes - state.offered_bytes);
    auto page = store_.outbox({.after = state.read_to, .limit = limit, .bytes_max = bytes_max});
    if (!page) return tl::make_unexpected(std::move(page.error()));
    if (page->empty()) break;
    size_t bytes = 0;
    for (flow::OutboxRow& row : *page) {
      bytes += row.key.table.size() + row.key.key.size() + row.key.body.size();
      state.read_to = row.sequence;
      offer(at, std::move(row));
    }
    const bool short_page = static_cast<int64_t>(page->size()) < limit;
    if (short_page && bytes < bytes_max) break;  // the last one
    if (bytes >= kPageBytes) {
      state.page_rows = std::max(kPageRowsMin, state.page_rows / 2);
    } else if (!short_page && bytes < kPageBytes / 2) {
      state.page_rows = std::min(kPageRowsMax, state.page_rows * 2);
    }
  }
  return state.read_to > from;
}

void OutboxDrainer::offer(size_t at, flow::OutboxRow&& row) {
  State& state = states_[at];
  const int64_t sequence = row.sequence;
  const bool superseded = sinks_[at].latest_only && state.latest.superseded(row);
  auto routed = route_(std::move(row));
  if (routed && routed->sink == at) {
    if (superseded) {
      ++figures_.sinks[at].superseded;
      return;
    }
    const ForwardRecord& record = state.offered.emplace_back(std::move(routed->record));
    state.offered_bytes += sizeof record + record.key.size() + record.value.size();
  }
  if (!routed && sequence > unrouted_seen_) {
    if (figures_.unrouted.fetch_add(1) == 0)
      log_(LogLevel::kWarn, "the outbox holds records of a watch that forwards no longer; they are dropped");
    unrouted_seen_ = sequence;
  }
}

void OutboxDrainer::pop_done(State& state, size_t done) {
  const auto end = state.offered.begin() + static_cast<std::ptrdiff_t>(done);
  for (auto record = state.offered.begin(); record != end; ++record)
    state.offered_bytes -= sizeof *record + record->key.size() + record->value.size();
  state.offered.erase(state.offered.begin(), end);
}

void OutboxDrainer::restart(State& state, int64_t cursor) {
  state.cursor = state.read_to = cursor;
  state.offered.clear();
  state.offered_bytes = 0;
  state.latest.forget();
}

void OutboxDrainer::note(size_t at, const Delivery& delivery) {
  State& state = states_[at];
  OutboxFigures::Sink& figures = figures_.sinks[at];
  figures.forwarded += static_cast<int64_t>(delivery.done - delivery.refused);
  if (delivery.refused > 0) {
    figures.refused += static_cast<int64_t>(delivery.refused);
    log_(LogLevel::kWarn, sinks_[at].name + " refuses " + std::to_string(delivery.refused) +
                              " records for good; they are dropped");
  }
  if (!delivery.error) {
    state.backoff.succeeded();
    if (state.down) log_(LogLevel::kInfo, sinks_[at].name + " takes records again");
    state.down = state.gave_up = false;
    return;
  }
  ++figures.failures;
  state.check_ms = INT64_MIN;
  state.backoff.failed(clock_.now().steady_ms);
  if (!state.down) {
    log_(LogLevel::kWarn,
         sinks_[at].name + " takes no records, they wait in the outbox: " + delivery.error->message);
  }
  state.down = true;
}

Result<void> OutboxDrainer::give_up() {
  for (size_t i = 0; i < sinks_.size(); ++i) {
    State& state = states_[i];
    if (!state.down || sinks_[i].rows_max == 0 || figures_.rows <= sinks_[i].rows_max) continue;
    auto mine = held();
    if (!mine) return tl::make_unexpected(mine.error());
    if (!*mine) return {};
    auto last = store_.outbox_last();
    if (!last) return tl::make_unexpected(last.error());
    restart(state, *last);
    if (!state.gave_up)
      log_(LogLevel::kWarn, sinks_[i].name + " is away for long; everything is written anew when it is back");
    state.gave_up = true;
  }
  return {};
}

Result<void> OutboxDrainer::delete_done() {
  int64_t done = states_.front().cursor;
  for (const State& state : states_) done = std::min(done, state.cursor);
  if (done <= deleted_) return {};
  if (auto gone = store_.outbox_done(done); !gone) return gone;
  deleted_ = done;
  return {};
}

Result<void> OutboxDrainer::measure() {
  auto first = store_.outbox(0, 1);
  if (!first) return tl::make_unexpected(first.error());
  if (first->empty()) {
    figures_.rows = 0;
    return {};
  }
  auto last = store_.outbox_last();
  if (!last) return tl::make_unexpected(last.error());
  figures_.rows = *last - first->front().sequence + 1;  // without gaps, deleted from the front
  return {};
}

}  // namespace waybill::sink
