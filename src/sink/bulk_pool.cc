#include "sink/bulk_pool.h"

#include <utility>

#include "base/assert.h"

namespace waybill::sink {

BulkPool::BulkPool(const search::Server& server, size_t lanes) {
  for (size_t i = 0; i < lanes; ++i) lanes_.push_back(std::make_unique<Lane>(server));
}

BulkPool::~BulkPool() {
  interrupt();
  for (auto& lane : lanes_) lane->thread.request_stop();
}

std::optional<size_t> BulkPool::free_lane() const {
  if (under_way_ == lanes_.size()) return std::nullopt;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (lanes_[i]->free) return i;
  }
  return std::nullopt;
}

void BulkPool::send(size_t lane, std::string path, std::string body) {
  Lane& at = *lanes_[lane];
  ASSERT(at.free);
  at.free = false;
  ++under_way_;
  {
    const std::lock_guard lock(mutex_);
    at.path = std::move(path);
    at.body = std::move(body);
    at.stage = Stage::kGiven;
  }
  if (!at.thread.joinable())
    at.thread = std::jthread([this, &at](const std::stop_token& stop) { work(at, stop); });
  given_.notify_all();
}

std::optional<SentBulk> BulkPool::take(std::chrono::steady_clock::time_point until) {
  if (under_way_ == 0) return std::nullopt;
  std::unique_lock lock(mutex_);
  size_t found = 0;
  auto any_finished = [&] {
    for (found = 0; found < lanes_.size(); ++found) {
      if (lanes_[found]->stage == Stage::kFinished) return true;
    }
    return false;
  };
  if (!finished_.wait_until(lock, until, any_finished)) return std::nullopt;
  Lane& lane = *lanes_[found];
  lane.stage = Stage::kIdle;
  lane.free = true;
  --under_way_;
  return SentBulk{found, std::move(lane.reply)};
}

void BulkPool::interrupt() {
  for (auto& lane : lanes_) lane->connection.interrupt();
}

void BulkPool::work(Lane& lane, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (given_.wait(lock, stop, [&lane] { return lane.stage == Stage::kGiven; })) {
    lane.stage = Stage::kWorking;
    lock.unlock();
    auto reply = lane.connection.call("POST", lane.path, lane.body, "application/x-ndjson");
    lane.body = {};
    lock.lock();
    lane.reply = std::move(reply);
    lane.stage = Stage::kFinished;
    finished_.notify_all();
  }
}

}  // namespace waybill::sink
