#include "sink/outbox_drainer.h"

#include <algorithm>

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
    return delete_done();
  }();
  if (!tried && !store_failed_) {
    log_(LogLevel::kWarn, "the outbox cannot be drained, it will be tried again: " + tried.error().message);
  }
  store_failed_ = !tried;
  return busy && tried;
}

Result<bool> OutboxDrainer::held() {
  const Now now = clock_.now();
  if (now.steady_ms < ask_lease_ms_) return held_;
  held_ = false;
  auto lease = store_.lease(kOutboxLease, owner_, kOutboxLeaseTtl, now);
  if (!lease) return tl::make_unexpected(lease.error());
  held_ = lease->held;
  ask_lease_ms_ = now.steady_ms + (held_ ? kOutboxLeaseRenew : kOutboxLeaseRetry).count();
  return held_;
}

Result<bool> OutboxDrainer::drain(size_t at) {
  State& state = states_[at];
  auto page = store_.outbox(state.cursor, state.page_rows);
  if (!page) return tl::make_unexpected(page.error());
  if (page->empty()) return false;
  std::vector<ForwardRecord> records;
  size_t bytes = 0;
  for (const flow::OutboxRow& row : *page) {
    bytes += row.key.body.size();
    auto routed = route_(row);
    if (routed && routed->sink == at) records.push_back(std::move(routed->record));
    if (!routed && row.sequence > unrouted_seen_) {
      if (figures_.unrouted.fetch_add(1) == 0)
        log_(LogLevel::kWarn,
             "the outbox holds records of a watch that forwards no longer; they are dropped");
      unrouted_seen_ = row.sequence;
    }
  }
  if (bytes > 2 * kPageBytes) {
    state.page_rows = std::max(kPageRowsMin, state.page_rows / 2);
  } else if (bytes < kPageBytes) {
    state.page_rows = std::min(kPageRowsMax, state.page_rows * 2);
  }
  Delivery delivery;
  if (!records.empty()) delivery = sinks_[at].sink->deliver(records, kDeliverWait);
  ASSERT(delivery.done <= records.size() && delivery.refused <= delivery.done);
  // Rows of other sinks need no acknowledgement of this one.
  state.cursor =
      delivery.done == records.size() ? page->back().sequence : records[delivery.done].sequence - 1;
  note(at, delivery);
  return !delivery.error;
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
    state.down = false;
    return;
  }
  ++figures.failures;
  state.backoff.failed(clock_.now().steady_ms);
  if (!state.down) {
    log_(LogLevel::kWarn,
         sinks_[at].name + " takes no records, they wait in the outbox: " + delivery.error->message);
  }
  state.down = true;
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
  // Sequences are given without gaps and deleted from the front: the last one is found by halving.
  int64_t there = first->front().sequence, step = 1, gone = 0;
  const int64_t begin = there;
  while (gone == 0 || gone - there > 1) {
    int64_t look = gone == 0 ? there + step : there + (gone - there) / 2;
    auto row = store_.outbox(look - 1, 1);
    if (!row) return tl::make_unexpected(row.error());
    if (row->empty()) {
      gone = look;
    } else {
      there = row->front().sequence;
      step *= 2;
    }
  }
  figures_.rows = there - begin + 1;
  return {};
}

}  // namespace waybill::sink
