#include "store/sql_store.h"

#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/base64.h"
#include "flow/failpoint.h"
#include "store/page_query.h"
#include "store/schema.h"
#include "store/sessions.h"
#include "store/statement.h"
#include "store/task_rows.h"
#include "store/writer.h"

namespace waybill::store {
namespace {

using flow::ColumnType;
using flow::TableSpec;
using flow::Value;
constexpr auto kText = ColumnType::kText;
constexpr auto kInt = ColumnType::kInt64;
constexpr int64_t kExpireRowsMax = 10'000;  ///< per table and call
constexpr size_t kIdBytesMax = 255;         ///< TaskIds and names of segments and leases

const Value kOutboxCounter = std::string("outbox");

/// Statements of the store's own tables that are not upserts.
class OwnText {
 public:
  explicit OwnText(const SqlText& text) : text_(text) {}
  /// SELECT `columns` FROM `table` WHERE each of `equal` = a parameter, in order; `tail` follows.
  std::string select(const TableSpec& table, std::initializer_list<std::string_view> columns,
                     std::initializer_list<std::string_view> equal, std::string_view tail = "") const {
    std::string list;
    for (auto column : columns) list += (list.empty() ? "" : ", ") + text_.name(column);
    std::string sql = "SELECT " + list + " FROM " + text_.name(table.name);
    const char* between = " WHERE ";
    for (auto column : equal) {
      sql += between + text_.name(column) + " = " + text_.parameter();
      between = " AND ";
    }
    sql += tail;
    return sql;
  }

 private:
  const SqlText& text_;
};

/// Reads segments when asked, as long as the Task still belongs to the epoch. Lives no longer than the store.
class StoredSegments final : public flow::SegmentReader {
 public:
  StoredSegments(Sessions& sessions, const SqlText& text, flow::TaskId task, int64_t epoch,
                 std::vector<std::string> names)
      : sessions_(sessions), text_(text), task_(std::move(task)), epoch_(epoch), names_(std::move(names)) {}

  std::vector<std::string> names() const override { return names_; }

  Result<std::string> read(std::string_view name) const override {
    return sessions_.read([&](soci::session& session) { return read_in(session, std::string(name)); });
  }

 private:
  Result<std::string> read_in(soci::session& session, const std::string& name) const {
    const OwnText own(text_);
    const Value task = task_;
    const Value segment = name;
    const ColumnType number[] = {kInt};
    const ColumnType data[] = {kText};
    const auto epoch = fetch(session, own.select(task_table(), {"epoch"}, {"id"}), {&task}, number);
    if (epoch.empty() || std::get<int64_t>(epoch[0][0]) != epoch_) {
      return fail(Errc::kFenced, "task " + task_ + " has another owner now");
    }
    const std::string order = " ORDER BY " + text_.name("part");
    const auto parts = fetch(session, own.select(segment_table(), {"data"}, {"task", "segment"}, order),
                             {&task, &segment}, data);
    if (parts.empty()) return fail(Errc::kNotFound, "task " + task_ + " has no segment " + name);
    std::string bytes;
    for (const Row& part : parts) {
      auto decoded = base64_decode(std::get<std::string>(part[0]));
      if (!decoded)
        return tl::unexpected(std::move(decoded.error()).within("segment " + name + " of task " + task_));
      bytes += *decoded;
    }
    return bytes;
  }

  Sessions& sessions_;
  const SqlText& text_;
  flow::TaskId task_;
  int64_t epoch_;
  std::vector<std::string> names_;
};

/// Keeps other processes from making or altering tables.
class SchemaLock {
 public:
  SchemaLock(const Dialect& dialect, soci::session& session) : dialect_(dialect), session_(session) {
    dialect.lock_schema(session);
  }
  ~SchemaLock() { dialect_.unlock_schema(session_); }
  SchemaLock(const SchemaLock&) = delete;
  SchemaLock& operator=(const SchemaLock&) = delete;

 private:
  const Dialect& dialect_;
  soci::session& session_;
};

class SqlStore final : public flow::Store {
 public:
  SqlStore(std::unique_ptr<Dialect> dialect, flow::RetentionConfig retention)
      : dialect_(std::move(dialect)),
        retention_(retention),
        text_(dialect_->words()),
        own_(text_),
        sessions_(*dialect_) {}

  Result<void> open();

  std::string id() const override { return id_; }
  Result<void> ensure(std::span<const TableSpec* const> tables) override;
  Result<flow::Owned> take(const flow::TaskId& task, const flow::OwnerId& owner) override;
  Result<std::vector<flow::CommitResult>> commit(std::span<const flow::TaskCommit> commits) override;
  Result<flow::Page> query(const flow::Query& query) override;
  Result<flow::Lease> lease(std::string_view name, const flow::OwnerId& owner, Millis ttl, Now now) override;
  Result<int64_t> expire(std::span<const TableSpec* const> tables, Now now) override;
  using Store::outbox;
  Result<std::vector<flow::OutboxRow>> outbox(const flow::OutboxRead& what) override;
  Result<int64_t> outbox_last() override;
  Result<void> outbox_done(int64_t sequence) override;

 private:
  void put(soci::session& session, const TableSpec& table, const std::vector<Value>& row) const;
  Result<flow::Owned> take_in(soci::session& session, const flow::TaskId& task, const flow::OwnerId& owner);
  Result<std::vector<flow::CommitResult>> commit_in(soci::session& session,
                                                    std::span<const flow::TaskCommit> commits) const;
  bool fence(soci::session& session, const flow::TaskCommit& commit) const;
  int64_t commit_number(soci::session& session, const flow::TaskCommit& commit) const;
  int64_t reserve_sequences(soci::session& session, int64_t count) const;
  Result<flow::Lease> lease_in(soci::session& session, const std::string& name, const flow::OwnerId& owner,
                               Millis ttl, Now now) const;
  int64_t expire_in(soci::session& session, const TableSpec& table, Now now) const;

  std::unique_ptr<Dialect> dialect_;
  flow::RetentionConfig retention_;
  SqlText text_;
  OwnText own_;
  Sessions sessions_;
  std::string id_;
};

Result<void> SqlStore::open() {
  if (auto claimed = dialect_->claim(); !claimed) return claimed;
  auto id = sessions_.write([&](soci::session& session) {
    const SchemaLock lock(*dialect_, session);
    return open_schema(session, text_);
  });
  if (!id) return tl::unexpected(std::move(id.error()));
  id_ = *id;
  return {};
}

void SqlStore::put(soci::session& session, const TableSpec& table, const std::vector<Value>& row) const {
  upsert_row(session, text_, table, row);
}

Result<void> SqlStore::ensure(std::span<const TableSpec* const> tables) {
  return sessions_.write([&](soci::session& session) -> Result<void> {
    const SchemaLock lock(*dialect_, session);
    for (const TableSpec* table : tables) {
      if (auto done = ensure_table(session, text_, *table); !done) return done;
    }
    return {};
  });
}

Result<flow::Owned> SqlStore::take(const flow::TaskId& task, const flow::OwnerId& owner) {
  if (task.empty() || task.size() > kIdBytesMax)
    return fail(Errc::kInvalid, "a task id has 1 to 255 bytes: " + task);
  return sessions_.write([&](soci::session& session) { return take_in(session, task, owner); });
}

Result<flow::Owned> SqlStore::take_in(soci::session& session, const flow::TaskId& task,
                                      const flow::OwnerId& owner) {
  put(session, task_table(), {task, int64_t{1}, owner, int64_t{0}});
  const Value id = task;
  const ColumnType number[] = {kInt};
  const ColumnType text[] = {kText};
  const ColumnType position[] = {kText, kText, kInt, kInt};
  flow::Owned owned;
  owned.task = task;
  owned.epoch =
      std::get<int64_t>(fetch(session, own_.select(task_table(), {"epoch"}, {"id"}), {&id}, number).at(0)[0]);
  const std::string order = " ORDER BY " + text_.key_list(position_table(), position_table().keys.size());
  const std::string positions =
      own_.select(position_table(), {"source", "topic", "part", "next_offset"}, {"task"}, order);
  for (Row& row : fetch(session, positions, {&id}, position)) {
    owned.positions.emplace_back(
        flow::SourcePartition{std::get<std::string>(row[0]), std::get<std::string>(row[1]),
                              PartitionId(static_cast<int32_t>(std::get<int64_t>(row[2])))},
        Offset(std::get<int64_t>(row[3])));
  }
  const std::string segment = text_.name("segment");
  const std::string names =
      own_.select(segment_table(), {"segment"}, {"task"}, " GROUP BY " + segment + " ORDER BY " + segment);
  std::vector<std::string> segments;
  for (Row& row : fetch(session, names, {&id}, text))
    segments.push_back(std::move(std::get<std::string>(row[0])));
  owned.segments = std::make_unique<StoredSegments>(sessions_, text_, task, owned.epoch, std::move(segments));
  return owned;
}

Result<std::vector<flow::CommitResult>> SqlStore::commit(std::span<const flow::TaskCommit> commits) {
  return sessions_.write([&](soci::session& session) { return commit_in(session, commits); });
}

/// The epoch check that every commit begins with; it also locks the Task's row until the end of the
/// transaction.
bool SqlStore::fence(soci::session& session, const flow::TaskCommit& commit) const {
  const Value id = commit.task;
  const Value epoch = commit.epoch;
  const std::string commits = text_.name("commits");
  return execute(session,
                 "UPDATE " + text_.name(task_table().name) + " SET " + commits + " = " + commits +
                     " + 1 WHERE " + text_.name("id") + " = " + text_.parameter() + " AND " +
                     text_.name("epoch") + " = " + text_.parameter(),
                 {&id, &epoch}) == 1;
}

/// Only segments need it, so it is read only for them.
int64_t SqlStore::commit_number(soci::session& session, const flow::TaskCommit& commit) const {
  if (commit.changes == nullptr || commit.changes->segments.empty()) return 0;
  const Value id = commit.task;
  const ColumnType number[] = {kInt};
  return std::get<int64_t>(
      fetch(session, own_.select(task_table(), {"commits"}, {"id"}), {&id}, number).at(0)[0]);
}

/// Counting in a row, not by the server, makes the order of sequences the order of commits: a reader never
/// misses a lower one.
int64_t SqlStore::reserve_sequences(soci::session& session, int64_t count) const {
  if (count == 0) return 0;
  put(session, counter_table(), {kOutboxCounter, count});
  const ColumnType number[] = {kInt};
  const auto rows =
      fetch(session, own_.select(counter_table(), {"value"}, {"name"}), {&kOutboxCounter}, number);
  return std::get<int64_t>(rows.at(0)[0]) - count + 1;
}

Result<std::vector<flow::CommitResult>> SqlStore::commit_in(soci::session& session,
                                                            std::span<const flow::TaskCommit> commits) const {
  std::vector<flow::CommitResult> results;
  RowBatch batch;
  TaskRows rows;
  for (const flow::TaskCommit& commit : commits) {
    if (!fence(session, commit)) {
      results.push_back(flow::CommitResult::kFenced);
      continue;
    }
    results.push_back(flow::CommitResult::kCommitted);
    rows.add(commit, commit_number(session, commit));
    if (commit.changes == nullptr) continue;
    for (const flow::RowChange& change : commit.changes->rows) batch.add(change);
  }
  rows.finish(reserve_sequences(session, rows.outbox_entries()), batch);
  write_rows(session, text_, batch);
  flow::failpoint("commit.rows");
  return results;
}

Result<flow::Page> SqlStore::query(const flow::Query& query) {
  return sessions_.read([&](soci::session& session) { return run_query(session, text_, query); });
}

Result<flow::Lease> SqlStore::lease(std::string_view name, const flow::OwnerId& owner, Millis ttl, Now now) {
  if (name.empty() || name.size() > kIdBytesMax)
    return fail(Errc::kInvalid, "a lease's name has 1 to 255 bytes");
  if (owner.empty()) return fail(Errc::kInvalid, "a lease needs an owner");
  const std::string text(name);
  return sessions_.write([&](soci::session& session) { return lease_in(session, text, owner, ttl, now); });
}

Result<flow::Lease> SqlStore::lease_in(soci::session& session, const std::string& name,
                                       const flow::OwnerId& owner, Millis ttl, Now now) const {
  static const TableSpec touch{.name = lease_table().name, .keys = {{"name"}}, .values = {{"epoch"}}};
  put(session, touch, {name, int64_t{0}});  // makes the row, changes nothing that is there
  const Value id = name;
  const Value who = owner;
  const Value until = now.wall_ms + ttl.count();
  const Value wall = now.wall_ms;
  const std::string epoch = text_.name("epoch");
  const std::string holder = text_.name("holder");
  const std::string until_ms = text_.name("until_ms");
  const std::string p = text_.parameter();
  // The epoch first: some servers see the new holder in later assignments.
  execute(session,
          "UPDATE " + text_.name(lease_table().name) + " SET " + epoch + " = " + epoch + " + CASE WHEN " +
              holder + " = " + p + " THEN 0 ELSE 1 END, " + holder + " = " + p + ", " + until_ms + " = " + p +
              " WHERE " + text_.name("name") + " = " + p + " AND (" + holder + " = " + p + " OR " + until_ms +
              " <= " + p + ")",
          {&who, &who, &until, &id, &who, &wall});
  const ColumnType columns[] = {kInt, kText};
  const auto rows = fetch(session, own_.select(lease_table(), {"epoch", "holder"}, {"name"}), {&id}, columns);
  flow::Lease lease{.name = name,
                    .epoch = std::get<int64_t>(rows.at(0)[0]),
                    .holder = std::get<std::string>(rows.at(0)[1])};
  lease.held = lease.holder == owner;
  return lease;
}

Result<int64_t> SqlStore::expire(std::span<const TableSpec* const> tables, Now now) {
  return sessions_.write([&](soci::session& session) -> Result<int64_t> {
    int64_t deleted = 0;
    for (const TableSpec* table : tables) deleted += expire_in(session, *table, now);
    return deleted;
  });
}

int64_t SqlStore::expire_in(soci::session& session, const TableSpec& table, Now now) const {
  int64_t kept_ms = 0;
  switch (table.retention) {
    case TableSpec::Retention::kNever:
      return 0;
    case TableSpec::Retention::kMinutes:
      kept_ms = retention_.minutes_ms;
      break;
    case TableSpec::Retention::kHours:
      kept_ms = retention_.hours_ms;
      break;
    case TableSpec::Retention::kFindings:
      kept_ms = retention_.findings_ms;
      break;
  }
  ASSERT(!table.expire_by.empty());
  const Value cutoff = now.wall_ms - kept_ms;
  const Value limit = kExpireRowsMax;
  std::vector<ColumnType> types;
  for (const auto& key : table.keys) types.push_back(key.type);
  const auto keys = fetch(session, text_.select_expired(table), {&cutoff, &limit}, types);
  std::vector<const std::vector<Value>*> addresses;
  for (const Row& key : keys) addresses.push_back(&key);
  erase_rows(session, text_, table, addresses);
  return static_cast<int64_t>(keys.size());
}

Result<std::vector<flow::OutboxRow>> SqlStore::outbox(const flow::OutboxRead& what) {
  return sessions_.read([&](soci::session& session) -> Result<std::vector<flow::OutboxRow>> {
    const Value from = what.after;
    const Value most = what.limit;
    const ColumnType types[] = {kInt, kText, kText, kText};
    const std::string columns =
        what.bodies ? own_.select(outbox_table(), {"sequence", "of_table", "of_key", "body"}, {})
                    : own_.select(outbox_table(), {"sequence", "of_table", "of_key"}, {});
    const std::string sequence = text_.name("sequence");
    const std::string sql = columns + " WHERE " + sequence + " > " + text_.parameter() + " ORDER BY " +
                            sequence + " LIMIT " + text_.parameter();
    std::vector<flow::OutboxRow> rows;
    size_t bytes = 0;
    fetch_while(session, sql, {&from, &most}, std::span(types).first(what.bodies ? 4 : 3), [&](Row& row) {
      auto text = [&row](size_t i) { return std::move(std::get<std::string>(row[i])); };
      rows.push_back({std::get<int64_t>(row[0]), {text(1), text(2), what.bodies ? text(3) : std::string()}});
      const flow::OutboxKey& key = rows.back().key;
      bytes += key.table.size() + key.key.size() + key.body.size();
      return bytes < what.bytes_max;
    });
    return rows;
  });
}

Result<int64_t> SqlStore::outbox_last() {
  return sessions_.read([&](soci::session& session) -> Result<int64_t> {
    const ColumnType number[] = {kInt};
    const auto rows =
        fetch(session, own_.select(counter_table(), {"value"}, {"name"}), {&kOutboxCounter}, number);
    return rows.empty() ? 0 : std::get<int64_t>(rows[0][0]);
  });
}

Result<void> SqlStore::outbox_done(int64_t sequence) {
  return sessions_.write([&](soci::session& session) -> Result<void> {
    const Value up_to = sequence;
    execute(session,
            "DELETE FROM " + text_.name(outbox_table().name) + " WHERE " + text_.name("sequence") +
                " <= " + text_.parameter(),
            {&up_to});
    return {};
  });
}

}  // namespace

Result<std::unique_ptr<flow::Store>> open_sql_store(std::unique_ptr<Dialect> dialect,
                                                    flow::RetentionConfig retention) {
  auto store = std::make_unique<SqlStore>(std::move(dialect), retention);
  if (auto opened = store->open(); !opened) return tl::unexpected(std::move(opened.error()));
  return store;
}

}  // namespace waybill::store
