#include "sink/bulk_pool.h"

#include <utility>

#include "base/assert.h"

namespace waybill::sink {

BulkPool::BulkPool(const search::Server& server, size_t lanes, size_t slots) : slots_(slots) {
  for (size_t i = 0; i < lanes; ++i) lanes_.push_back(std::make_unique<Lane>(server));
}

BulkPool::~BulkPool() {
  interrupt();
  for (auto& lane : lanes_) lane->thread.request_stop();
}

std::optional<size_t> BulkPool::free_slot() const {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].free) return i;
  }
  return std::nullopt;
}

void BulkPool::send(size_t slot, std::string path, std::string body) {
  Slot& at = slots_[slot];
  ASSERT(at.free);
  at.free = false;
  ++under_way_;
  at.path = std::move(path);
  at.body = std::move(body);
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(slot);
  }
  given_.notify_one();
  for (auto& lane : lanes_) {
    if (lane->thread.joinable()) continue;
    lane->thread = std::jthread(
        [this, &connection = lane->connection](const std::stop_token& stop) { work(connection, stop); });
  }
}

std::optional<SentBulk> BulkPool::take(std::chrono::steady_clock::time_point until) {
  if (under_way_ == 0) return std::nullopt;
  std::unique_lock lock(mutex_);
  if (!finished_.wait_until(lock, until, [this] { return !done_.empty(); })) return std::nullopt;
  const size_t slot = done_.front();
  done_.pop_front();
  lock.unlock();
  slots_[slot].free = true;
  --under_way_;
  return SentBulk{slot, std::move(slots_[slot].reply)};
}

std::vector<size_t> BulkPool::withdraw() {
  std::unique_lock lock(mutex_);
  const std::vector<size_t> withdrawn(waiting_.begin(), waiting_.end());
  waiting_.clear();
  lock.unlock();
  for (const size_t slot : withdrawn) {
    slots_[slot].free = true;
    slots_[slot].body = {};
    --under_way_;
  }
  return withdrawn;
}

void BulkPool::interrupt() {
  for (auto& lane : lanes_) lane->connection.interrupt();
}

void BulkPool::work(search::Connection& connection, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (given_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    const size_t slot = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    Slot& at = slots_[slot];
    at.reply = connection.call("POST", at.path, at.body, "application/x-ndjson");
    at.body = {};
    lock.lock();
    done_.push_back(slot);
    finished_.notify_one();
  }
}

}  // namespace waybill::sink
