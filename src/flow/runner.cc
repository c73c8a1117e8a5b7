#include "flow/runner.h"

#include <algorithm>

#include "flow/failpoint.h"
#include "flow/runner_impl.h"

namespace waybill::flow {
namespace {

constexpr Millis kLeaseTtl{10'000};
constexpr int64_t kLeaseEveryMs = 2000;
/// Together with Source::close (5 s) this stays below the 10 s in which a process must stop.
constexpr int64_t kFinishMs = 4000;
constexpr int64_t kPollMaxMs = 100;
constexpr Millis kIdleStep{100};

}  // namespace

Runner::Impl::Impl(Plan p, RunnerOptions o, MakeSource m, Store& s, RangeReader* r, const Clock& c, LogFn l)
    : plan(std::move(p)),
      options(std::move(o)),
      make_source(std::move(m)),
      store(s),
      clock(c),
      log(std::move(l)),
      asks(r, options.ask_workers) {
  tally.engine = plan.engine;
  tally.name = plan.name;
  health = tally;
}

void Runner::Impl::sleep(std::stop_token stop, Millis time) {
  std::unique_lock lock(sleep_mutex);
  sleep_wake.wait_for(lock, stop, time, [] { return false; });
}

void Runner::Impl::note_error(std::string_view what, const Error& error) {
  std::string text = std::string(what) + ": " + error.message;
  if (text != tally.last_error && log) log(LogLevel::kWarn, plan.engine + " " + plan.name + ": " + text);
  tally.last_error = std::move(text);
}

void Runner::Impl::update_health() {
  if (source) {
    tally.source = source->health();
  } else {
    tally.source = {};
    tally.source.degraded = !tally.last_error.empty();
    tally.source.detail = tally.last_error;
  }
  tally.tasks = std::count_if(slots.begin(), slots.end(),
                              [](const auto& slot) { return slot.second->task != nullptr; });
  std::lock_guard lock(health_mutex);
  health = tally;
}

/// Tables exist, or the process is to stop (false).
bool Runner::Impl::prepare(std::stop_token stop) {
  Backoff retry;
  while (!stop.stop_requested()) {
    if (retry.due(clock.now().steady_ms)) {
      auto done = store.ensure(plan.tables);
      if (done) return true;
      note_error("preparing tables", done.error());
      retry.failed(clock.now().steady_ms);
      update_health();
    }
    sleep(stop, kIdleStep);
  }
  return false;
}

/// True when there is a source to poll.
Result<bool> Runner::Impl::ensure_source() {
  Now now = clock.now();
  if (plan.kind == Plan::Kind::kWhole && !hold_lease(now)) {
    if (source) close_source();
    return false;
  }
  if (source) return true;
  if (!source_retry.due(now.steady_ms)) return false;
  auto made = make_source(*this);
  if (!made) {
    if (made.error().code == Errc::kInvalid) return tl::make_unexpected(made.error());
    note_error("opening the source", made.error());
    source_retry.failed(now.steady_ms);
    return false;
  }
  source_retry.succeeded();
  source = std::move(*made);
  cycle_at_ms = 0;
  return true;
}

/// The one process that may run a whole plan. Renewed long before it runs out; not renewed in time = not
/// held.
bool Runner::Impl::hold_lease(Now now) {
  if (now.steady_ms >= lease_next_ms) {
    lease_next_ms = now.steady_ms + kLeaseEveryMs;
    auto lease = store.lease(plan.engine + "/" + plan.name, options.owner, kLeaseTtl, now);
    if (!lease) {
      note_error("lease", lease.error());
    } else if (lease->held) {
      lease_until_ms = now.steady_ms + kLeaseTtl.count();
    } else {
      lease_until_ms = 0;
    }
  }
  bool held = now.steady_ms < lease_until_ms;
  if (held != leader && log) {
    log(LogLevel::kInfo, plan.engine + " " + plan.name + (held ? ": holds the lease" : ": stands by"));
  }
  leader = held;
  return held;
}

/// Another process may own everything already: what is not committed is dropped.
void Runner::Impl::close_source() {
  slots.clear();
  by_partition.clear();
  source->close();
  source.reset();
}

Result<void> Runner::Impl::step() {
  Now now = clock.now();
  int64_t wait_ms = std::clamp<int64_t>(cycle_at_ms - now.steady_ms, 0, kPollMaxMs);
  auto batch = source->poll(Millis{wait_ms});
  if (fatal) return tl::make_unexpected(*fatal);
  if (!batch) {
    if (batch.error().code == Errc::kConflict) return tl::make_unexpected(batch.error());
    note_error("source", batch.error());
    close_source();
    source_retry.failed(clock.now().steady_ms);
    return {};
  }
  now = clock.now();
  process(*batch, now);
  if (!outage) deliver_answers(now);
  if (now.steady_ms >= cycle_at_ms || pending_bytes() >= options.commit_bytes) {
    if (!outage) {
      advance(now);
      retry_parked(now);
    }
    const bool wait = behind && plan.commit_behind_every > options.commit_every;
    cycle_at_ms = now.steady_ms + (wait ? plan.commit_behind_every : options.commit_every).count();
    cycle(now);
    update_health();
  }
  return {};
}

Result<void> Runner::Impl::run(std::stop_token stop) {
  Result<void> result;
  if (prepare(stop)) {
    while (!stop.stop_requested()) {
      auto ready = ensure_source();
      if (!ready) {
        result = tl::make_unexpected(ready.error());
        break;
      }
      if (!*ready) {
        update_health();
        sleep(stop, kIdleStep);
        continue;
      }
      result = step();
      if (!result) break;
    }
  }
  if (!result) note_error("stopped", result.error());
  finish();
  return result;
}

/// Commits what was processed, tells the broker, leaves the group. Within kFinishMs and what the source needs
/// to close.
void Runner::Impl::finish() {
  asks.request_stop();
  settle_until_ms = clock.now().steady_ms + kFinishMs;
  if (source) {
    source->close();  // calls revoked(), which commits
    source.reset();
  }
  slots.clear();
  by_partition.clear();
  if (leader) (void)store.lease(plan.engine + "/" + plan.name, options.owner, Millis{0}, clock.now());
  asks.stop();
  update_health();
}

Runner::Runner(Plan plan, RunnerOptions options, MakeSource make_source, Store& store, RangeReader* reader,
               const Clock& clock, LogFn log)
    : impl_(std::make_unique<Impl>(std::move(plan), std::move(options), std::move(make_source), store, reader,
                                   clock, std::move(log))) {}

Runner::~Runner() = default;

Result<void> Runner::run(std::stop_token stop) { return impl_->run(std::move(stop)); }

RunnerHealth Runner::health() const {
  std::lock_guard lock(impl_->health_mutex);
  return impl_->health;
}

}  // namespace waybill::flow
