#include "cli/live_board.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace waybill::cli {
namespace {

constexpr int64_t kEveryMs = 1000;
constexpr int64_t kEveryMsMax = 30'000;
constexpr int64_t kShareOfTime = 10;         ///< reading takes at most 1/10 of the time
constexpr int64_t kForgetAfterMs = 120'000;  ///< without a question: longer than a poll a minute pauses
constexpr size_t kTopicsNamedMax = 200;      ///< in one event; beyond them everything is asked for again

}  // namespace

LiveBoard::LiveBoard(flow::Store& store, const Clock& clock, std::shared_ptr<http::EventHub> hub,
                     std::vector<LiveProbe> probes, LogFn log)
    : store_(store),
      clock_(clock),
      hub_(std::move(hub)),
      probes_(std::move(probes)),
      probed_(probes_.size()),
      log_(std::move(log)),
      every_ms_(kEveryMs),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

LiveBoard::~LiveBoard() = default;

void LiveBoard::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

bool LiveBoard::wanted() const {
  return hub_->streams() > 0 || clock_.now().steady_ms - asked_ms_ < kForgetAfterMs;
}

Result<std::shared_ptr<const audit::TopicBoard>> LiveBoard::current() {
  const int64_t now = clock_.now().steady_ms;
  asked_ms_ = now;
  {
    std::lock_guard lock(mutex_);
    if (board_ && now - board_steady_ms_ <= 2 * every_ms_) return board_;
  }
  return refresh();
}

Result<std::shared_ptr<const audit::TopicBoard>> LiveBoard::refresh() {
  const int64_t asked = clock_.now().steady_ms;
  std::lock_guard reading(reading_);
  {
    std::lock_guard lock(mutex_);  // another may have read while this one waited
    if (board_ && board_steady_ms_ >= asked) return board_;
  }
  const Now begin = clock_.now();
  auto board = audit::read_board(store_, begin);
  if (!board) return board;
  const int64_t took = clock_.now().steady_ms - begin.steady_ms;
  every_ms_ = std::clamp(took * kShareOfTime, kEveryMs, kEveryMsMax);
  std::lock_guard lock(mutex_);
  board_ = *board;
  board_steady_ms_ = begin.steady_ms;
  return board;
}

void LiveBoard::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  std::shared_ptr<const audit::TopicBoard> before;
  bool failing = false;
  while (!woken.wait_for(lock, stop, std::chrono::milliseconds(every_ms_), [] { return false; }) &&
         !stop.stop_requested()) {
    if (!wanted()) {
      before.reset();
      continue;
    }
    try {
      auto board = refresh();
      if (!board) {
        if (!failing) log_(LogLevel::kWarn, "the overview cannot be read: " + board.error().message);
        failing = true;
        continue;
      }
      failing = false;
      tell(before.get(), **board);
      before = *board;
    } catch (const std::exception& e) {
      log_(LogLevel::kError, std::string("the overview failed with an exception: ") + e.what());
    }
  }
}

void LiveBoard::ask_probes(std::vector<std::string>& kinds) {
  for (size_t i = 0; i < probes_.size(); ++i) {
    auto text = probes_[i].read();
    if (!text) continue;
    const size_t hash = std::hash<std::string>()(*text);
    if (hash != probed_[i]) kinds.push_back(probes_[i].kind);
    probed_[i] = hash;
  }
}

void LiveBoard::tell(const audit::TopicBoard* before, const audit::TopicBoard& after) {
  std::vector<std::string> kinds;
  ask_probes(kinds);
  const uint64_t findings = audit::findings_fingerprint(after);
  if (findings != findings_) kinds.push_back("findings");
  findings_ = findings;
  static const audit::TopicBoard kNothing;
  std::vector<std::string> topics = audit::changed_topics(before ? *before : kNothing, after);
  if (!topics.empty()) kinds.push_back("topics");
  if (kinds.empty()) return;
  const bool all = topics.size() > kTopicsNamedMax;
  if (all) topics.clear();
  for (std::string& topic : topics) topic = to_utf8(topic);
  hub_->publish("change", nlohmann::json{{"all", all}, {"kinds", kinds}, {"topics", topics}}.dump());
}

}  // namespace waybill::cli
