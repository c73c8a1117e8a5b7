#include "source/opensearch.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "source/opensearch_pager.h"

namespace waybill::source {
namespace {

constexpr size_t kPagesMax = 3;   ///< read ahead
constexpr Millis kPauseMin{500};  ///< after a failure, doubling
constexpr Millis kPauseMax{15'000};
constexpr int64_t kRereadShare = 4;   ///< reading again takes at most this part of the time
constexpr int64_t kRereadSlower = 3;  ///< it is put off up to so many times while it brings nothing

/// What the reading thread hands over.
struct ReadPage {
  OpensearchPage page;
  int64_t next = 0;     ///< the position behind it
  bool at_end = false;  ///< all that is searchable was read
};

class OpensearchSource final : public flow::Source {
 public:
  OpensearchSource(OpensearchSourceOptions options, flow::Assignments& assignments, const Clock& clock,
                   LogFn log)
      : options_(std::move(options)),
        connection_(options_.server),
        assignments_(assignments),
        clock_(clock),
        log_(std::move(log)),
        pager_(options_, connection_, log_),
        partition_{options_.server.name, options_.index, PartitionId(0)} {}

  ~OpensearchSource() override { close(); }

  Result<flow::Batch> poll(Millis wait) override {
    if (!assigned_) assign();
    flow::Batch none;
    if (!assigned_ || paused_) {
      sleep_for(wait);
      return none;
    }
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, wait, [this] { return !pages_.empty(); });
      if (pages_.empty()) return none;
      current_ = std::move(pages_.front());
      pages_.pop_front();
      delivered_ = current_.next;
      at_end_ = current_.at_end;
    }
    changed_.notify_all();
    return batch();
  }

  Result<void> seek(const flow::SourcePartition&, Offset next) override {
    restart(next.value - options_.late.count(), next.value);
    return {};
  }
  void pause(const flow::SourcePartition&) override { paused_ = true; }
  void resume(const flow::SourcePartition&) override { paused_ = false; }

  Result<flow::Bounds> bounds(const flow::SourcePartition&) override {
    std::lock_guard lock(mutex_);
    if (!delivered_) return fail(Errc::kUnavailable, "nothing was read yet");
    const bool all = at_end_ && pages_.empty() && !degraded_;
    return flow::Bounds{Offset(0), Offset(*delivered_ + (all ? 0 : 1))};
  }

  void publish(std::span<const std::pair<flow::SourcePartition, Offset>>, std::string_view) override {}

  flow::SourceHealth health() const override {
    std::lock_guard lock(mutex_);
    flow::SourceHealth out;
    out.member = options_.server.name;
    out.degraded = degraded_;
    out.detail = detail_;
    if (assigned_) out.partitions = {partition_};
    return out;
  }

  void close() override {
    if (thread_.joinable()) {
      connection_.interrupt();
      thread_.request_stop();
      changed_.notify_all();
      thread_.join();
    }
    if (std::exchange(assigned_, false)) {
      const flow::SourcePartition mine[] = {partition_};
      assignments_.revoked(mine, flow::RevokeReason::kRebalanced);
    }
  }

 private:
  // ---- the polling thread ----

  void assign() {
    const flow::SourcePartition mine[] = {partition_};
    if (assignments_.assigned(mine).empty()) return;
    {
      std::lock_guard lock(mutex_);
      assigned_ = true;
    }
    if (!started_at_) restart(civil(options_.since_ms), civil(options_.since_ms));
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  void restart(int64_t from, int64_t position) {
    {
      std::lock_guard lock(mutex_);
      started_at_ = from;
      position_ = position;
      ++life_;
      pages_.clear();
      at_end_ = false;
    }
    changed_.notify_all();
  }

  flow::Batch batch() {
    records_.clear();
    for (const search::Hit& hit : current_.page.hits.hits) {
      flow::Record record;
      record.offset = Offset(hit.sort_ms);
      record.time_ms = instant(hit.sort_ms);
      record.time_type = flow::TimeType::kCreate;
      record.has_key = record.has_value = true;
      record.key = hit.id;
      record.value = hit.json;
      records_.push_back(record);
    }
    return {partition_, records_, Offset(current_.next)};
  }

  void sleep_for(Millis wait) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [] { return false; });
  }

  // ---- the reading thread ----

  void run(const std::stop_token& stop) {
    Millis pause = kPauseMin;
    int64_t reread_ms = INT64_MIN;  ///< when the last `late` is read again
    int64_t put_off = 1;
    uint64_t found_before = 0;  ///< documents of the last `late`
    uint64_t life = 0;
    while (!stop.stop_requested()) {
      int64_t from = 0;
      bool again = false;
      {
        std::lock_guard lock(mutex_);
        again = life == life_ && clock_.now().steady_ms >= reread_ms;
        from = life != life_ ? *started_at_ : again ? position_ - options_.late.count() : position_ + 1;
        again = again || life != life_;
        life = life_;
      }
      const int64_t begun_ms = clock_.now().steady_ms;
      uint64_t found = 0;
      auto done = pager_.read(from, [&](OpensearchPage page) {
        found += page.hits.hits.size();
        return hand_over(std::move(page), life, stop);
      });
      const int64_t now_ms = clock_.now().steady_ms;
      note(done);
      if (!done) {
        // What was handed over stays; the next pass begins at the position, or reads the last `late` again.
        if (again) reread_ms = INT64_MIN;
        wait(stop, pause, life);
        pause = std::min(pause * 2, kPauseMax);
        continue;
      }
      pause = kPauseMin;
      if (!*done) continue;  // another life, or the end
      if (again) {
        put_off = found == found_before ? std::min(put_off + 1, kRereadSlower) : 1;
        found_before = found;
        reread_ms = now_ms + std::max(put_off * options_.reread.count(), kRereadShare * (now_ms - begun_ms));
      }
      say_end(life);
      if (!options_.follow) return;
      wait(stop, options_.every, life);
    }
  }

  /// False: somebody has sought meanwhile, or it is over.
  bool hand_over(OpensearchPage page, uint64_t life, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [&] { return pages_.size() < kPagesMax || life != life_; });
    if (life != life_ || stop.stop_requested()) return false;
    const int64_t last = page.hits.hits.back().sort_ms;
    position_ = std::max(position_, std::min(last, civil(clock_.now().wall_ms)));
    pages_.push_back({std::move(page), position_, false});
    lock.unlock();
    changed_.notify_all();
    return true;
  }

  void say_end(uint64_t life) {
    std::unique_lock lock(mutex_);
    if (life != life_) return;
    if (!pages_.empty()) {
      pages_.back().at_end = true;
    } else if (!at_end_ || !delivered_) {
      pages_.push_back({{}, position_, true});
    }
    lock.unlock();
    changed_.notify_all();
  }

  void note(const Result<bool>& done) {
    std::lock_guard lock(mutex_);
    if (done) {
      if (degraded_) log_(LogLevel::kInfo, options_.index + ": read again");
      degraded_ = false;
      detail_.clear();
      return;
    }
    if (!degraded_ || detail_ != done.error().message)
      log_(LogLevel::kWarn,
           options_.index + " cannot be read, it will be tried again: " + done.error().message);
    degraded_ = true;
    detail_ = done.error().message;
  }

  void wait(const std::stop_token& stop, Millis time, uint64_t life) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, time, [&] { return life != life_; });
  }

  // ---- times ----

  /// The server takes times without a zone for UTC.
  int64_t instant(int64_t civil_ms) const {
    const int64_t s = floor_s(civil_ms);
    return options_.zone.instant_of(s).utc_s * 1000 + (civil_ms - s * 1000);
  }
  int64_t civil(int64_t utc_ms) const { return utc_ms + options_.zone.offset_s(floor_s(utc_ms)) * 1000; }
  static int64_t floor_s(int64_t ms) { return ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000); }

  OpensearchSourceOptions options_;
  search::Connection connection_;  ///< of the reading thread
  flow::Assignments& assignments_;
  const Clock& clock_;
  LogFn log_;
  OpensearchPager pager_;  ///< of the reading thread
  const flow::SourcePartition partition_;
  bool paused_ = false;
  ReadPage current_;  ///< what the last batch points into
  std::vector<flow::Record> records_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<ReadPage> pages_;
  uint64_t life_ = 0;  ///< grows with each seek
  std::optional<int64_t> started_at_;
  int64_t position_ = 0;  ///< of what was handed over
  std::optional<int64_t> delivered_;
  bool assigned_ = false;
  bool at_end_ = false;
  bool degraded_ = false;
  std::string detail_;
  std::jthread thread_;  ///< last: joined first
};

}  // namespace

std::unique_ptr<flow::Source> make_opensearch_source(OpensearchSourceOptions options,
                                                     flow::Assignments& assignments, const Clock& clock,
                                                     LogFn log) {
  return std::make_unique<OpensearchSource>(std::move(options), assignments, clock, std::move(log));
}

}  // namespace waybill::source
