#pragma once
// A store that tells the log what the collectors met: records that are no reports, caps that were reached,
// gaps.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/log.h"
#include "base/time.h"
#include "flow/store.h"

namespace waybill::cli {

/// Passes everything on. The collector is pure and cannot log; it counts into audit::counter_table() and
/// explains in audit::incomplete_table(), and what is committed there is said here, each kind at most once a
/// minute.
class NoticingStore : public flow::Store {
 public:
  /// `clock` outlives it.
  NoticingStore(std::unique_ptr<flow::Store> inner, const Clock& clock, LogFn log);

  std::string id() const override { return inner_->id(); }
  Result<void> ensure(std::span<const flow::TableSpec* const> tables) override {
    return inner_->ensure(tables);
  }
  Result<flow::Owned> take(const flow::TaskId& task, const flow::OwnerId& owner) override {
    return inner_->take(task, owner);
  }
  Result<std::vector<flow::CommitResult>> commit(std::span<const flow::TaskCommit> commits) override;
  Result<flow::Page> query(const flow::Query& query) override { return inner_->query(query); }
  Result<flow::Lease> lease(std::string_view name, const flow::OwnerId& owner, Millis ttl, Now now) override {
    return inner_->lease(name, owner, ttl, now);
  }
  Result<int64_t> expire(std::span<const flow::TableSpec* const> tables, Now now) override {
    return inner_->expire(tables, now);
  }
  Result<std::vector<flow::OutboxRow>> outbox(int64_t after, int64_t limit) override {
    return inner_->outbox(after, limit);
  }
  Result<int64_t> outbox_last() override { return inner_->outbox_last(); }
  Result<void> outbox_done(int64_t sequence) override { return inner_->outbox_done(sequence); }

 private:
  struct Kind {
    int64_t count = 0;  ///< not said yet
    std::string detail;
    int64_t said_ms = INT64_MIN;
  };
  using Key = std::pair<std::string, std::string>;  ///< cluster, kind
  void say(const Key& key, Kind& kind, int64_t now_ms);

  std::unique_ptr<flow::Store> inner_;
  const Clock& clock_;
  LogFn log_;
  std::mutex mutex_;
  std::map<Key, Kind> kinds_;  ///< clusters times the few kinds below
};

}  // namespace waybill::cli
