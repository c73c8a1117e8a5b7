#include "flow/ask_pool.h"

#include <exception>

namespace waybill::flow {
namespace {

template <class T>
void put(Answer& answer, Result<T>&& result) {
  if (result) {
    answer.value = std::move(*result);
  } else {
    answer.value = std::move(result.error());
  }
}

}  // namespace

Answer answer_ask(RangeReader& reader, const Ask& ask) {
  Answer answer{ask.id, Error{Errc::kUnsupported, "unknown kind of ask"}};
  try {
    switch (ask.kind) {
      case Ask::Kind::kRead:
        put(answer, reader.read(ask.partition, ask.range, ask.isolation, ask.limits));
        break;
      case Ask::Kind::kBounds:
        put(answer, reader.bounds(ask.partition, ask.limits.timeout));
        break;
      case Ask::Kind::kCommitted:
        put(answer, reader.committed(ask.group, ask.partition.topic, ask.limits.timeout));
        break;
      case Ask::Kind::kMembers:
        put(answer, reader.members(ask.group, ask.limits.timeout));
        break;
      case Ask::Kind::kTopicSettings:
        put(answer, reader.topic_settings(ask.partition.topic, ask.limits.timeout));
        break;
    }
  } catch (const std::exception& e) {
    answer.value = Error{Errc::kUnavailable, std::string("answering an ask: ") + e.what()};
  }
  return answer;
}

AskPool::AskPool(RangeReader* reader, int workers) : reader_(reader) {
  for (int i = 0; reader_ && i < workers; ++i) {
    workers_.emplace_back([this](std::stop_token stop) { work(stop); });
  }
}

AskPool::~AskPool() { stop(); }

void AskPool::submit(OpenAsk ask) {
  std::lock_guard lock(mutex_);
  if (workers_.empty()) {
    ready_.push_back(
        {ask.task, ask.epoch, {ask.ask.id, Error{Errc::kUnsupported, "nothing here answers asks"}}});
  } else if (open_.size() >= kOpenMax) {
    ready_.push_back({ask.task, ask.epoch, {ask.ask.id, Error{Errc::kLimit, "too many open asks"}}});
  } else {
    open_.push_back(std::move(ask));
    wake_.notify_one();
  }
}

std::vector<ReadyAnswer> AskPool::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(ready_, {});
}

void AskPool::request_stop() {
  for (auto& worker : workers_) worker.request_stop();
}

void AskPool::stop() {
  request_stop();
  for (auto& worker : workers_) {
    if (worker.joinable()) worker.join();
  }
}

void AskPool::work(std::stop_token stop) {
  while (true) {
    OpenAsk ask;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [&] { return !open_.empty(); }) || stop.stop_requested()) return;
      ask = std::move(open_.front());
      open_.pop_front();
    }
    Answer answer = answer_ask(*reader_, ask.ask);
    std::lock_guard lock(mutex_);
    ready_.push_back({std::move(ask.task), ask.epoch, std::move(answer)});
  }
}

}  // namespace waybill::flow
