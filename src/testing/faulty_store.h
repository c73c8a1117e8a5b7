#pragma once
// A store that fails on demand.

#include <deque>
#include <vector>

#include "testing/fake_clock.h"
#include "testing/memory_store.h"

namespace waybill::testing {

using flow::CommitResult;
using flow::Owned;
using flow::OwnerId;
using flow::TaskCommit;
using flow::TaskId;

/// A MemoryStore whose commits and takes fail as told. Every failure takes a second.
class FaultyStore final : public MemoryStore {
 public:
  enum class Fault { kNone, kUnavailable, kLimit, kUnknownWritten, kUnknownLost };
  explicit FaultyStore(FakeClock& clock) : clock_(clock) {}

  std::deque<Fault> commit_faults;  ///< one for each of the next commits
  int take_failures = 0;
  int commits = 0;

  Result<Owned> take(const TaskId& task, const OwnerId& owner) override {
    if (take_failures == 0) return MemoryStore::take(task, owner);
    --take_failures;
    clock_.advance(Millis{1000});
    return fail(Errc::kUnavailable, "take fails");
  }
  Result<std::vector<CommitResult>> commit(std::span<const TaskCommit> list) override {
    Fault fault = Fault::kNone;
    if (!commit_faults.empty()) {
      fault = commit_faults.front();
      commit_faults.pop_front();
      clock_.advance(Millis{1000});
    }
    ++commits;
    if (fault == Fault::kNone) return MemoryStore::commit(list);
    if (fault == Fault::kUnavailable) return fail(Errc::kUnavailable, "down");
    if (fault == Fault::kLimit) return fail(Errc::kLimit, "disk full");
    if (fault == Fault::kUnknownWritten) (void)MemoryStore::commit(list);
    return fail(Errc::kUnknown, "connection lost at COMMIT");
  }

 private:
  FakeClock& clock_;
};

}  // namespace waybill::testing
