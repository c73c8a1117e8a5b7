#include "flow/joined_store.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "testing/memory_store.h"

namespace waybill::flow {
namespace {

/// commit() can be held back until so many callers have queued up behind it.
class SlowStore final : public testing::MemoryStore {
 public:
  std::vector<size_t> sizes;  ///< Tasks in each transaction
  std::optional<Error> refuse_above_one;

  void hold() {
    std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    std::lock_guard lock(mutex_);
    held_ = false;
    wake_.notify_all();
  }
  void wait_for_a_commit() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return inside_; });
  }

  Result<std::vector<CommitResult>> commit(std::span<const TaskCommit> commits) override {
    std::unique_lock lock(mutex_);
    inside_ = true;
    wake_.notify_all();
    wake_.wait(lock, [&] { return !held_; });
    sizes.push_back(commits.size());
    if (refuse_above_one && commits.size() > 1) return tl::make_unexpected(*refuse_above_one);
    return MemoryStore::commit(commits);
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool held_ = false;
  bool inside_ = false;
};

using Outcome = Result<std::vector<CommitResult>>;

/// One caller is in the store; three more come; then the store answers.
std::vector<Outcome> commit_four(SlowStore& slow, Store& store, bool fence_last) {
  std::vector<Owned> owned;
  std::vector<Changes> changes(4);
  for (int i = 0; i < 4; ++i) owned.push_back(std::move(*store.take("t" + std::to_string(i), "me")));
  if (fence_last) {
    EXPECT_TRUE(store.take("t3", "other"));
  }
  std::vector<Outcome> outcomes(4, fail(Errc::kInvalid, "not called"));
  auto call = [&](size_t i) {
    TaskCommit commit{
        owned[i].task, owned[i].epoch, {{{"main", "t", PartitionId(0)}, Offset(7)}}, &changes[i]};
    outcomes[i] = store.commit({&commit, 1});
  };
  slow.hold();
  std::vector<std::jthread> callers;
  callers.emplace_back(call, 0);
  slow.wait_for_a_commit();
  for (size_t i = 1; i < 4; ++i) callers.emplace_back(call, i);
  slow.release();
  callers.clear();
  return outcomes;
}

TEST(JoinedStore, EveryCallerGetsItsOwnResults) {
  SlowStore slow;
  auto store = make_joined_store(slow);
  auto outcomes = commit_four(slow, *store, true);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(outcomes[i].value(), std::vector{CommitResult::kCommitted});
  EXPECT_EQ(outcomes[3].value(), std::vector{CommitResult::kFenced});
  size_t tasks = 0;
  for (size_t size : slow.sizes) tasks += size;
  EXPECT_EQ(tasks, 4u) << "each Task is in one transaction";
}

TEST(JoinedStore, RowsThatAreRefusedTogetherAreTriedAlone) {
  SlowStore slow;
  slow.refuse_above_one = Error{Errc::kInvalid, "bad row"};
  auto store = make_joined_store(slow);
  for (const auto& outcome : commit_four(slow, *store, false)) {
    EXPECT_EQ(outcome.value(), std::vector{CommitResult::kCommitted});
  }
}

TEST(JoinedStore, AStoreThatIsDownIsDownForAll) {
  testing::MemoryStore memory;
  memory.fail_commits({Errc::kUnavailable, "down"}, 1);
  auto store = make_joined_store(memory);
  Changes changes;
  auto owned = store->take("t", "me");
  TaskCommit commit{"t", owned->epoch, {}, &changes};
  EXPECT_EQ(store->commit({&commit, 1}).error().code, Errc::kUnavailable);
  EXPECT_TRUE(store->commit({&commit, 1}));
}

}  // namespace
}  // namespace waybill::flow
