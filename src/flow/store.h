#pragma once
// Where results, positions and state live, in one transaction (DESIGN section 6). Implemented by src/store.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "flow/rows.h"
#include "flow/task.h"

namespace waybill::flow {

/// Who asks: unique per process life, e.g. "waybill-host-1234-<8 hex>".
using OwnerId = std::string;

/// What take() returns: the epoch that fences earlier owners, where to go on, and the state.
struct Owned {
  TaskId task;
  int64_t epoch = 0;
  std::vector<std::pair<SourcePartition, Offset>>
      positions;  ///< next offset to read; empty on the first life
  std::unique_ptr<SegmentReader> segments;
};

struct TaskCommit {
  TaskId task;
  int64_t epoch = 0;
  std::vector<std::pair<SourcePartition, Offset>> positions;  ///< those that changed
  Changes* changes = nullptr;                                 ///< `asks` are not stored
};

enum class CommitResult : uint8_t {
  kCommitted,
  kFenced,  ///< another owner has taken this Task: nothing of it was written; drop it
};

struct Lease {
  std::string name;
  bool held = false;  ///< by the asker, until ttl after the call
  int64_t epoch = 0;  ///< grows whenever the lease changes hands
  OwnerId holder;
};

struct Filter {
  enum class Op : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe };
  std::string column;
  Op op = Op::kEq;
  Value value;
};

/// Reads rows of one table. With `group_by` (key columns) rows are joined by each value column's Merge.
struct Query {
  const TableSpec* table = nullptr;
  std::vector<Filter> where{};          ///< all must hold; on key or value columns
  std::vector<std::string> group_by{};  ///< empty = rows as they are
  /// With group_by: whether columns of Merge::kSketch are joined, which takes all rows one by one; else they
  /// come empty.
  bool sketches = true;
  int64_t limit = 10'000;  ///< rows, at most 100,000
  std::string cursor{};    ///< from Page::next; only without group_by. Order is by key
};

struct Page {
  struct Row {
    std::vector<Value> key;     ///< all key columns, or those of group_by in that order
    std::vector<Value> values;  ///< all value columns
  };
  std::vector<Row> rows;
  std::optional<std::string> next;
};

struct OutboxRow {
  int64_t sequence = 0;
  OutboxKey key;
};

/// What is read of the outbox: the oldest rows above `after`, at most `limit`, and none behind the one with
/// which their names and bodies reach `bytes_max`.
struct OutboxRead {
  int64_t after = 0;
  int64_t limit = 1;
  size_t bytes_max = SIZE_MAX;
  bool bodies = true;  ///< false: they come empty, and are not copied
};

/// Thread-safe. Errors everywhere: kUnavailable (down, locked: trying again may help), kLimit (disk full:
/// nothing was written), kCorrupt, kConflict (held by another process).
class Store {
 public:
  virtual ~Store() = default;
  /// A UUID made when the store was created; published with broker positions so that two stores are never
  /// mixed.
  virtual std::string id() const = 0;
  /// Creates and migrates tables. Idempotent.
  virtual Result<void> ensure(std::span<const TableSpec* const> tables) = 0;
  /// Makes `owner` the owner of the Task: epoch + 1 first, then positions and state are loaded.
  virtual Result<Owned> take(const TaskId& task, const OwnerId& owner) = 0;
  /// One transaction for all: each Task's commit begins with its epoch check; a fenced one is left out, the
  /// others commit. kUnknown when the outcome is not known: take() again and compare the positions.
  virtual Result<std::vector<CommitResult>> commit(std::span<const TaskCommit> commits) = 0;
  virtual Result<Page> query(const Query& query) = 0;
  /// Takes or renews a lease when it is free, expired or already held by `owner`.
  virtual Result<Lease> lease(std::string_view name, const OwnerId& owner, Millis ttl, Now now) = 0;
  /// Deletes rows older than the retention of their table; returns how many. Bounded work per call (10,000
  /// rows a table).
  virtual Result<int64_t> expire(std::span<const TableSpec* const> tables, Now now) = 0;
  virtual Result<std::vector<OutboxRow>> outbox(const OutboxRead& what) = 0;
  Result<std::vector<OutboxRow>> outbox(int64_t after, int64_t limit) {
    return outbox({.after = after, .limit = limit});
  }
  /// The highest sequence that was ever given, 0 = none yet. Sequences have no gaps, in the order of commits.
  virtual Result<int64_t> outbox_last() = 0;
  /// Deletes outbox rows up to and including `sequence`.
  virtual Result<void> outbox_done(int64_t sequence) = 0;
};

/// How long rows live.
struct RetentionConfig {
  int64_t minutes_ms = 48LL * 3600 * 1000;
  int64_t hours_ms = 90LL * 24 * 3600 * 1000;
  int64_t findings_ms = 90LL * 24 * 3600 * 1000;
};

}  // namespace waybill::flow
