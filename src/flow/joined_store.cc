#include "flow/joined_store.h"

#include <condition_variable>
#include <mutex>

#include "base/assert.h"
#include "flow/passing_store.h"

namespace waybill::flow {
namespace {

using CommitResults = Result<std::vector<CommitResult>>;

/// The cause lies outside: trying the parts alone would fail alike.
bool concerns_all(Errc code) {
  return code == Errc::kUnavailable || code == Errc::kLimit || code == Errc::kUnknown ||
         code == Errc::kConflict;
}

class JoinedStore final : public PassingStore {
 public:
  explicit JoinedStore(Store& inner) : PassingStore(inner) {}

  CommitResults commit(std::span<const TaskCommit> commits) override {
    Request request{commits, std::nullopt};
    std::unique_lock lock(mutex_);
    queue_.push_back(&request);
    done_.wait(lock, [&] { return request.result || !leading_; });
    if (!request.result) {
      leading_ = true;
      std::vector<Request*> batch = std::exchange(queue_, {});
      lock.unlock();
      std::vector<CommitResults> results = commit_batch(batch);
      lock.lock();
      for (size_t i = 0; i < batch.size(); ++i) batch[i]->result = std::move(results[i]);
      leading_ = false;
      // One of those that came meanwhile leads next.
      done_.notify_all();
    }
    return std::move(*request.result);
  }

 private:
  struct Request {
    std::span<const TaskCommit> commits;
    std::optional<CommitResults> result;
  };

  /// Leader only, without the mutex: `batch` belongs to callers that wait. One result for each.
  std::vector<CommitResults> commit_batch(const std::vector<Request*>& batch) {
    std::vector<CommitResults> results;
    std::vector<TaskCommit> all;
    for (const auto* request : batch) all.insert(all.end(), request->commits.begin(), request->commits.end());
    CommitResults together = inner_.commit(all);
    if (!together && batch.size() > 1 && !concerns_all(together.error().code)) {
      for (const auto* request : batch) results.push_back(inner_.commit(request->commits));
      return results;
    }
    size_t at = 0;
    for (const auto* request : batch) {
      if (!together) {
        results.push_back(tl::make_unexpected(together.error()));
        continue;
      }
      size_t end = at + request->commits.size();
      ASSERT(together->size() >= end);
      results.push_back(std::vector<CommitResult>(together->begin() + static_cast<std::ptrdiff_t>(at),
                                                  together->begin() + static_cast<std::ptrdiff_t>(end)));
      at = end;
    }
    return results;
  }

  std::mutex mutex_;
  std::condition_variable done_;
  std::vector<Request*> queue_;
  bool leading_ = false;
};

}  // namespace

std::unique_ptr<Store> make_joined_store(Store& inner) { return std::make_unique<JoinedStore>(inner); }

}  // namespace waybill::flow
