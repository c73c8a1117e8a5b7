#pragma once
// A store that fails on demand.

#include <deque>
#include <string_view>
#include <vector>

#include "testing/fake_clock.h"
#include "testing/memory_store.h"

namespace waybill::testing {

using flow::CommitResult;
using flow::Lease;
using flow::OutboxRow;
using flow::Owned;
using flow::OwnerId;
using flow::Page;
using flow::Query;
using flow::Store;
using flow::TableSpec;
using flow::TaskCommit;
using flow::TaskId;

/// A MemoryStore whose commits and takes fail as told. Every failure takes a second.
class FaultyStore final : public Store {
 public:
  enum class Fault { kNone, kUnavailable, kLimit, kUnknownWritten, kUnknownLost };
  explicit FaultyStore(FakeClock& clock) : clock_(clock) {}

  std::deque<Fault> commit_faults;  ///< one for each of the next commits
  int take_failures = 0;
  int commits = 0;

  std::string id() const override { return inner_.id(); }
  Result<void> ensure(std::span<const TableSpec* const> tables) override { return inner_.ensure(tables); }
  Result<Owned> take(const TaskId& task, const OwnerId& owner) override {
    if (take_failures == 0) return inner_.take(task, owner);
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
    if (fault == Fault::kNone) return inner_.commit(list);
    if (fault == Fault::kUnavailable) return fail(Errc::kUnavailable, "down");
    if (fault == Fault::kLimit) return fail(Errc::kLimit, "disk full");
    if (fault == Fault::kUnknownWritten) (void)inner_.commit(list);
    return fail(Errc::kUnknown, "connection lost at COMMIT");
  }
  Result<Page> query(const Query& query) override { return inner_.query(query); }
  Result<Lease> lease(std::string_view name, const OwnerId& owner, Millis ttl, Now now) override {
    return inner_.lease(name, owner, ttl, now);
  }
  Result<int64_t> expire(std::span<const TableSpec* const> tables, Now now) override {
    return inner_.expire(tables, now);
  }
  Result<std::vector<OutboxRow>> outbox(int64_t after, int64_t limit) override {
    return inner_.outbox(after, limit);
  }
  Result<int64_t> outbox_last() override { return inner_.outbox_last(); }
  Result<void> outbox_done(int64_t sequence) override { return inner_.outbox_done(sequence); }

 private:
  FakeClock& clock_;
  MemoryStore inner_;
};

}  // namespace waybill::testing
