#pragma once
// A flow::Store in memory, written to be obviously right: the model that real stores are compared with, and
// the store of tests above it.

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "flow/store.h"

namespace waybill::testing {

/// Thread-safe. Rows are kept in the order of their keys; every change is applied on its own.
class MemoryStore : public flow::Store {
 public:
  explicit MemoryStore(flow::RetentionConfig retention = {}, std::string id = "memory")
      : retention_(retention), id_(std::move(id)) {}

  /// The next `times` commits fail so and write nothing.
  void fail_commits(Error error, int times);

  std::string id() const override { return id_; }
  Result<void> ensure(std::span<const flow::TableSpec* const> tables) override;
  Result<flow::Owned> take(const flow::TaskId& task, const flow::OwnerId& owner) override;
  Result<std::vector<flow::CommitResult>> commit(std::span<const flow::TaskCommit> commits) override;
  /// A cursor is the number of rows to leave out: valid as long as nothing is written.
  Result<flow::Page> query(const flow::Query& query) override;
  Result<flow::Lease> lease(std::string_view name, const flow::OwnerId& owner, Millis ttl, Now now) override;
  Result<int64_t> expire(std::span<const flow::TableSpec* const> tables, Now now) override;
  using Store::outbox;
  Result<std::vector<flow::OutboxRow>> outbox(const flow::OutboxRead& what) override;
  Result<int64_t> outbox_last() override;
  Result<void> outbox_done(int64_t sequence) override;

 private:
  using Key = std::vector<flow::Value>;
  using Table = std::map<Key, std::vector<flow::Value>>;
  struct TaskState {
    int64_t epoch = 0;
    std::map<flow::SourcePartition, Offset> positions;
    std::map<std::string, std::string> segments;
  };
  struct LeaseState {
    int64_t epoch = 0;
    flow::OwnerId holder;
    int64_t until_ms = 0;
  };
  void apply(const flow::RowChange& change);
  void apply(TaskState& task, const flow::TaskCommit& commit);

  mutable std::mutex mutex_;
  flow::RetentionConfig retention_;
  std::string id_;
  std::map<std::string_view, Table> tables_;
  std::map<flow::TaskId, TaskState> tasks_;
  std::map<std::string, LeaseState, std::less<>> leases_;
  std::map<int64_t, flow::OutboxKey> outbox_;
  int64_t last_sequence_ = 0;
  std::optional<Error> commit_error_;
  int failing_commits_ = 0;
};

}  // namespace waybill::testing
