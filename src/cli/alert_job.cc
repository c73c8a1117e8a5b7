#include "cli/alert_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "alert/book.h"
#include "alert/tables.h"
#include "cli/alert_readings.h"

namespace waybill::cli {
namespace {

constexpr Millis kTick{100};
constexpr Millis kLeaseRenew{3'000}, kLeaseRetry{1'000};
constexpr int64_t kSweepShare = 50;  ///< sweeps take at most 1/50 of the time
constexpr int64_t kSweepMs = 1'000, kSweepMsMax = 30'000;
constexpr int64_t kMutesMs = 1'000, kWaitingMs = 10'000, kPublishMs = 10'000, kAgainMs = 1'000;
constexpr std::string_view kEvaluator = "alerts/evaluator";
constexpr std::string_view kSourcesTask = "alerts/sources";

class RunningAlertJob final : public AlertJob {
 public:
  RunningAlertJob(JobParts parts, std::function<std::vector<JobStatus>()> statuses)
      : parts_(std::move(parts)),
        statuses_(std::move(statuses)),
        // A file is open in one process only, which need not wait until its own lease of a life before ends.
        lease_owner_(parts_.config.store.starts_with("sqlite:") ? "the only process" : parts_.owner),
        readings_(parts_.config, parts_.store) {
    alert::NotifierContext context{external_url(parts_.config), parts_.config.alerts.locale};
    for (const auto& settings : parts_.config.alerts.notifiers) {
      auto& told = figures_.notifiers.emplace_back();
      told.name = settings.name;
      told.kind = alert::kind_name(settings.kind);
      deliverers_.push_back(std::make_unique<alert::Deliverer>(
          parts_.store, parts_.clock, parts_.owner, settings.name, settings.per_minute,
          alert::make_notifier(settings, context), told.figures, parts_.log));
    }
  }

  ~RunningAlertJob() override {
    request_stop();
    threads_.clear();
    // The next process need not wait for the lease to end. Nothing is on its way to a receiver any more.
    if (parts_.clock.now().steady_ms < held_until_ms_)
      (void)parts_.store.lease(kAlertLease, lease_owner_, Millis(0), parts_.clock.now());
  }

  void start() override {
    threads_.emplace_back([this](const std::stop_token& stop) { guarded([&] { evaluate(stop); }); });
    for (auto& deliverer : deliverers_)
      threads_.emplace_back(
          [this, &deliverer](const std::stop_token& stop) { guarded([&] { deliver(*deliverer, stop); }); });
  }
  void request_stop() override {
    for (auto& thread : threads_) thread.request_stop();
  }
  const AlertFigures& figures() const override { return figures_; }

 private:
  template <class Body>
  void guarded(Body body) {
    try {
      body();
    } catch (const std::exception& e) {
      parts_.log(LogLevel::kError, std::string("alerts ended with an exception: ") + e.what());
    }
  }

  void evaluate(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const Now now = parts_.clock.now();
      bool more = false;
      if (now.steady_ms >= again_ms_) {
        auto done = step(now);
        ++figures_.evaluations;
        note(done);
        more = done && *done;
      }
      std::unique_lock lock(mutex_);
      if (!more) ticks_.wait_for(lock, stop, kTick, [] { return false; });
    }
    figures_.evaluates = false;
  }

  void note(const Result<bool>& done) {
    if (!done) {
      // What the store holds is not known: the book begins again from there.
      book_.reset();
      ++figures_.failures;
      again_ms_ = parts_.clock.now().steady_ms + kAgainMs;
      if (!failed_)
        parts_.log(LogLevel::kWarn,
                   "alerts cannot be evaluated, it will be tried again: " + done.error().message);
    }
    failed_ = !done;
  }

  /// True: there is more to look at.
  Result<bool> step(Now now) {
    if (now.steady_ms >= ask_lease_ms_) {
      auto lease = parts_.store.lease(kAlertLease, lease_owner_, kAlertLeaseTtl, now);
      if (!lease) return tl::make_unexpected(std::move(lease.error()));
      if (!lease->held) book_.reset();
      figures_.evaluates = lease->held;
      held_until_ms_ = lease->held ? now.steady_ms + kAlertLeaseTtl.count() : INT64_MIN;
      ask_lease_ms_ = now.steady_ms + (lease->held ? kLeaseRenew : kLeaseRetry).count();
    }
    if (!figures_.evaluates) return publish(now);
    if (!book_) {
      if (auto begun = begin(); !begun) return tl::make_unexpected(std::move(begun.error()));
    }
    flow::Changes changes;
    auto more = readings_.watches(*book_, changes.rows, now);
    if (!more) return more;
    if (auto read = read_slowly(now); !read) return tl::make_unexpected(std::move(read.error()));
    book_->advance(muted_, now);
    book_->flush(changes);
    const auto figures = book_->figures();
    figures_.pending = figures.pending;
    figures_.firing = figures.firing;
    figures_.overflow = figures.overflow;
    figures_.dropped = figures.dropped;
    if (changes.rows.empty()) return more;
    flow::TaskCommit commit{
        .task = std::string(kEvaluator), .epoch = epoch_, .positions = {}, .changes = &changes};
    auto results = parts_.store.commit({&commit, 1});
    if (!results) return tl::make_unexpected(std::move(results.error()));
    if (results->front() == flow::CommitResult::kFenced) {
      ask_lease_ms_ = INT64_MIN;
      return fail(Errc::kFenced, "another process evaluates them now");
    }
    if (!book_->take_touched().empty()) {
      std::lock_guard lock(mutex_);
      ++queued_;
      woken_.notify_all();
    }
    return more;
  }

  Result<void> begin() {
    auto owned = parts_.store.take(std::string(kEvaluator), parts_.owner);
    if (!owned) return tl::make_unexpected(std::move(owned.error()));
    auto book = std::make_unique<alert::Book>(alert_rules(parts_.config));
    if (auto restored = book->restore(parts_.store, *owned->segments); !restored) return restored;
    epoch_ = owned->epoch;
    book_ = std::move(book);
    sweep_ms_ = mutes_ms_ = waiting_ms_ = INT64_MIN;
    ++generation_;
    return {};
  }

  /// What is not looked at in every step.
  Result<void> read_slowly(Now now) {
    if (now.steady_ms >= waiting_ms_) {
      for (auto& notifier : figures_.notifiers) {
        auto count = alert::count_waiting(parts_.store, notifier.name);
        if (!count) return tl::make_unexpected(std::move(count.error()));
        book_->set_waiting(notifier.name, *count);
        notifier.figures.waiting = *count;
      }
      waiting_ms_ = now.steady_ms + kWaitingMs;
    }
    if (now.steady_ms >= mutes_ms_) {
      auto page = parts_.store.query(
          {.table = &alert::mute_table(), .where = {{"until_ms", flow::Filter::Op::kGt, now.wall_ms}}});
      if (!page) return tl::make_unexpected(std::move(page.error()));
      muted_.clear();
      for (const auto& row : page->rows) muted_.insert(flow::text(row.key[0]));
      mutes_ms_ = now.steady_ms + kMutesMs;
    }
    if (now.steady_ms < sweep_ms_) return {};
    const auto swept = readings_.sweep(*book_, source_readings(statuses_()), now);
    const int64_t took = parts_.clock.now().steady_ms - now.steady_ms;
    sweep_ms_ = now.steady_ms + std::clamp(took * kSweepShare, kSweepMs, kSweepMsMax);
    if (!swept) ++figures_.failures;
    if (!swept && !sweep_failed_)
      parts_.log(LogLevel::kWarn, "alerts cannot be evaluated in full: " + swept.error().message);
    sweep_failed_ = !swept;
    return {};
  }

  /// Tells the process that evaluates how our sources are.
  Result<bool> publish(Now now) {
    auto readings = source_readings(statuses_());
    std::string state;
    for (const auto& one : readings) state += one.source + (one.degraded ? "d" : "") + one.detail + "\n";
    if (state == published_ && now.steady_ms < publish_ms_) return false;
    auto owned = parts_.store.take(std::string(kSourcesTask), parts_.owner);
    if (!owned) return tl::make_unexpected(std::move(owned.error()));
    flow::Changes changes;
    for (auto& one : readings)
      changes.rows.push_back(
          {&alert::source_table(),
           flow::RowChange::Op::kUpsert,
           {parts_.owner, std::move(one.source)},
           {int64_t{one.degraded}, std::move(one.detail), one.lag_messages, int64_t{0}, now.wall_ms}});
    flow::TaskCommit commit{
        .task = std::string(kSourcesTask), .epoch = owned->epoch, .positions = {}, .changes = &changes};
    auto results = parts_.store.commit({&commit, 1});
    if (!results) return tl::make_unexpected(std::move(results.error()));
    // Fenced: another process wrote at the same moment; ours is written with the next tick.
    if (results->front() == flow::CommitResult::kFenced) return false;
    published_ = std::move(state);
    publish_ms_ = now.steady_ms + kPublishMs;
    return false;
  }

  void deliver(alert::Deliverer& deliverer, const std::stop_token& stop) {
    int64_t taken = 0;
    while (!stop.stop_requested()) {
      uint64_t queued = 0;
      {
        std::lock_guard lock(mutex_);
        queued = queued_;
      }
      bool busy = false;
      const int64_t generation = generation_;
      if (parts_.clock.now().steady_ms < held_until_ms_ && generation > 0) {
        if (generation != taken && deliverer.take()) taken = generation;
        // Half of the time that the lease has left would not do for a request of 10 s; a process that was
        // frozen in between may send once more what its successor sends.
        if (generation == taken) busy = deliverer.step();
      }
      std::unique_lock lock(mutex_);
      if (!busy) woken_.wait_for(lock, stop, 2 * kTick, [&] { return queued_ != queued; });
    }
  }

  JobParts parts_;
  std::function<std::vector<JobStatus>()> statuses_;
  flow::OwnerId lease_owner_;
  AlertFigures figures_;
  AlertReadings readings_;
  std::vector<std::unique_ptr<alert::Deliverer>> deliverers_;
  // Of the evaluating thread.
  std::unique_ptr<alert::Book> book_;
  std::set<std::string> muted_;
  std::string published_;
  int64_t epoch_ = 0;
  int64_t again_ms_ = INT64_MIN, ask_lease_ms_ = INT64_MIN, sweep_ms_ = INT64_MIN, mutes_ms_ = INT64_MIN,
          waiting_ms_ = INT64_MIN, publish_ms_ = INT64_MIN;  ///< steady
  bool failed_ = false, sweep_failed_ = false;
  // Between the threads.
  std::atomic<int64_t> held_until_ms_{INT64_MIN};
  std::atomic<int64_t> generation_{0};  ///< grows with every book
  std::mutex mutex_;
  std::condition_variable_any ticks_, woken_;
  uint64_t queued_ = 0;
  std::vector<std::jthread> threads_;  ///< last: joined first
};

}  // namespace

std::unique_ptr<AlertJob> make_alert_job(JobParts parts, std::function<std::vector<JobStatus>()> statuses) {
  return std::make_unique<RunningAlertJob>(std::move(parts), std::move(statuses));
}

std::string external_url(const Config& config) {
  if (!config.alerts.external_url.empty()) return config.alerts.external_url;
  const bool v6 = config.listen.host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}/", v6 ? "[" : "", config.listen.host, v6 ? "]" : "",
                     config.listen.port);
}

}  // namespace waybill::cli
