#pragma once
// A Store in front of another one.

#include "flow/store.h"

namespace waybill::flow {

/// Passes every call on to `inner`, which outlives it; a class that derives from it overrides what it does
/// otherwise. Cost: one virtual call. Thread-safe as `inner` is.
class PassingStore : public Store {
 public:
  explicit PassingStore(Store& inner) : inner_(inner) {}

  std::string id() const override { return inner_.id(); }
  Result<void> ensure(std::span<const TableSpec* const> tables) override { return inner_.ensure(tables); }
  Result<Owned> take(const TaskId& task, const OwnerId& owner) override { return inner_.take(task, owner); }
  Result<std::vector<CommitResult>> commit(std::span<const TaskCommit> commits) override {
    return inner_.commit(commits);
  }
  Result<Page> query(const Query& query) override { return inner_.query(query); }
  Result<Lease> lease(std::string_view name, const OwnerId& owner, Millis ttl, Now now) override {
    return inner_.lease(name, owner, ttl, now);
  }
  Result<int64_t> expire(std::span<const TableSpec* const> tables, Now now) override {
    return inner_.expire(tables, now);
  }
  using Store::outbox;
  Result<std::vector<OutboxRow>> outbox(const OutboxRead& what) override { return inner_.outbox(what); }
  Result<int64_t> outbox_last() override { return inner_.outbox_last(); }
  Result<void> outbox_done(int64_t sequence) override { return inner_.outbox_done(sequence); }

 protected:
  Store& inner_;
};

}  // namespace waybill::flow
