#include "testing/memory_store.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace waybill::testing {
namespace {

using flow::Merge;
using flow::TableSpec;
using flow::Value;

/// Segments as they were when the Task was taken.
class Segments final : public flow::SegmentReader {
 public:
  explicit Segments(std::map<std::string, std::string> segments) : segments_(std::move(segments)) {}
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : segments_) names.push_back(name);
    return names;
  }
  Result<std::string> read(std::string_view name) const override {
    auto it = segments_.find(std::string(name));
    if (it == segments_.end()) return fail(Errc::kNotFound, "no segment " + std::string(name));
    return it->second;
  }

 private:
  std::map<std::string, std::string> segments_;
};

Value joined(const TableSpec& table, Merge merge, const Value& old, const Value& added) {
  switch (merge) {
    case Merge::kSum:
      if (std::holds_alternative<double>(old)) return std::get<double>(old) + std::get<double>(added);
      return std::get<int64_t>(old) + std::get<int64_t>(added);
    case Merge::kMin:
      return std::min(old, added);
    case Merge::kMax:
      return std::max(old, added);
    case Merge::kLast:
      return added;
    case Merge::kSketch:
      return table.merge_sketch(std::get<std::string>(old), std::get<std::string>(added));
  }
  return added;
}

bool begins_with(const std::vector<Value>& key, const std::vector<Value>& prefix) {
  return key.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), key.begin());
}

bool holds(const flow::Filter& filter, const Value& value) {
  switch (filter.op) {
    case flow::Filter::Op::kEq:
      return value == filter.value;
    case flow::Filter::Op::kNe:
      return value != filter.value;
    case flow::Filter::Op::kLt:
      return value < filter.value;
    case flow::Filter::Op::kLe:
      return value <= filter.value;
    case flow::Filter::Op::kGt:
      return value > filter.value;
    case flow::Filter::Op::kGe:
      return value >= filter.value;
  }
  return false;
}

/// Where a column stands: keys first, then values.
std::optional<size_t> column_index(const TableSpec& table, std::string_view name) {
  for (size_t i = 0; i < table.keys.size(); ++i) {
    if (table.keys[i].name == name) return i;
  }
  for (size_t i = 0; i < table.values.size(); ++i) {
    if (table.values[i].name == name) return table.keys.size() + i;
  }
  return std::nullopt;
}

int64_t kept_ms(const flow::RetentionConfig& config, TableSpec::Retention retention) {
  switch (retention) {
    case TableSpec::Retention::kNever:
      return INT64_MAX;
    case TableSpec::Retention::kMinutes:
      return config.minutes_ms;
    case TableSpec::Retention::kHours:
      return config.hours_ms;
    case TableSpec::Retention::kFindings:
      return config.findings_ms;
  }
  return INT64_MAX;
}

/// Joins rows of equal group columns; what is last under a group-by has no meaning, so the greatest stands
/// for it.
std::vector<flow::Page::Row> grouped(const flow::Query& query, const std::vector<flow::Page::Row>& rows) {
  std::map<std::vector<Value>, std::vector<Value>> groups;
  for (const auto& row : rows) {
    std::vector<Value> key;
    for (const auto& column : query.group_by) key.push_back(row.key[*column_index(*query.table, column)]);
    auto [it, fresh] = groups.try_emplace(std::move(key), row.values);
    if (fresh) continue;
    for (size_t i = 0; i < row.values.size(); ++i) {
      const Merge merge = query.table->values[i].merge;
      it->second[i] =
          joined(*query.table, merge == Merge::kLast ? Merge::kMax : merge, it->second[i], row.values[i]);
    }
  }
  std::vector<flow::Page::Row> out;
  for (auto& [key, values] : groups) {
    for (size_t i = 0; i < values.size() && !query.sketches; ++i) {
      if (query.table->values[i].merge == Merge::kSketch) values[i] = std::string();
    }
    out.push_back({key, std::move(values)});
  }
  return out;
}

}  // namespace

void MemoryStore::fail_commits(Error error, int times) {
  const std::lock_guard lock(mutex_);
  commit_error_ = std::move(error);
  failing_commits_ = times;
}

Result<void> MemoryStore::ensure(std::span<const TableSpec* const> tables) {
  const std::lock_guard lock(mutex_);
  for (const TableSpec* table : tables) tables_[table->name];
  return {};
}

Result<flow::Owned> MemoryStore::take(const flow::TaskId& task, const flow::OwnerId&) {
  const std::lock_guard lock(mutex_);
  TaskState& state = tasks_[task];
  flow::Owned owned;
  owned.task = task;
  owned.epoch = ++state.epoch;
  owned.positions.assign(state.positions.begin(), state.positions.end());
  owned.segments = std::make_unique<Segments>(state.segments);
  return owned;
}

void MemoryStore::apply(const flow::RowChange& change) {
  Table& table = tables_[change.table->name];
  switch (change.op) {
    case flow::RowChange::Op::kUpsert: {
      auto [it, fresh] = table.try_emplace(change.key, change.values);
      for (size_t i = 0; !fresh && i < change.values.size(); ++i) {
        it->second[i] = joined(*change.table, change.table->values[i].merge, it->second[i], change.values[i]);
      }
      return;
    }
    case flow::RowChange::Op::kErase:
      table.erase(change.key);
      return;
    case flow::RowChange::Op::kErasePrefix:
      std::erase_if(table, [&](const auto& row) { return begins_with(row.first, change.key); });
      return;
  }
}

void MemoryStore::apply(TaskState& task, const flow::TaskCommit& commit) {
  for (const auto& [partition, next] : commit.positions) task.positions[partition] = next;
  if (commit.changes == nullptr) return;
  for (const auto& change : commit.changes->rows) apply(change);
  for (const auto& change : commit.changes->segments) {
    ASSERT(change.bytes.size() <= flow::kSegmentBytesMax);
    if (change.op == flow::SegmentChange::Op::kReplace) task.segments[change.name] = change.bytes;
    if (change.op == flow::SegmentChange::Op::kAppend) task.segments[change.name] += change.bytes;
    if (change.op == flow::SegmentChange::Op::kDrop) task.segments.erase(change.name);
  }
  for (const auto& key : commit.changes->outbox) outbox_[++last_sequence_] = key;
}

Result<std::vector<flow::CommitResult>> MemoryStore::commit(std::span<const flow::TaskCommit> commits) {
  const std::lock_guard lock(mutex_);
  if (failing_commits_ > 0) {
    --failing_commits_;
    return tl::make_unexpected(*commit_error_);
  }
  std::vector<flow::CommitResult> results;
  for (const auto& commit : commits) {
    auto it = tasks_.find(commit.task);
    const bool ours = it != tasks_.end() && it->second.epoch == commit.epoch;
    if (ours) apply(it->second, commit);
    results.push_back(ours ? flow::CommitResult::kCommitted : flow::CommitResult::kFenced);
  }
  return results;
}

Result<flow::Page> MemoryStore::query(const flow::Query& query) {
  const std::lock_guard lock(mutex_);
  std::vector<flow::Page::Row> rows;
  for (const auto& [key, values] : tables_[query.table->name]) {
    std::vector<Value> all = key;
    all.insert(all.end(), values.begin(), values.end());
    bool wanted = true;
    for (const auto& filter : query.where) {
      const auto index = column_index(*query.table, filter.column);
      if (!index) return fail(Errc::kInvalid, "no column " + filter.column);
      wanted = wanted && holds(filter, all[*index]);
    }
    if (wanted) rows.push_back({key, values});
  }
  if (!query.group_by.empty()) rows = grouped(query, rows);
  const size_t first =
      query.cursor.empty() ? 0 : std::min(rows.size(), static_cast<size_t>(std::stoull(query.cursor)));
  const size_t last = std::min(rows.size(), first + static_cast<size_t>(query.limit));
  flow::Page page;
  if (last < rows.size() && query.group_by.empty()) page.next = std::to_string(last);
  for (size_t i = first; i < last; ++i) page.rows.push_back(std::move(rows[i]));
  return page;
}

Result<flow::Lease> MemoryStore::lease(std::string_view name, const flow::OwnerId& owner, Millis ttl,
                                       Now now) {
  const std::lock_guard lock(mutex_);
  LeaseState& state = leases_[std::string(name)];
  if (state.holder == owner || state.until_ms <= now.wall_ms) {
    if (state.holder != owner) ++state.epoch;
    state.holder = owner;
    state.until_ms = now.wall_ms + ttl.count();
  }
  return flow::Lease{std::string(name), state.holder == owner, state.epoch, state.holder};
}

Result<int64_t> MemoryStore::expire(std::span<const TableSpec* const> tables, Now now) {
  const std::lock_guard lock(mutex_);
  int64_t deleted = 0;
  for (const TableSpec* table : tables) {
    if (table->retention == TableSpec::Retention::kNever) continue;
    const size_t column = *column_index(*table, table->expire_by);
    const int64_t cutoff = now.wall_ms - kept_ms(retention_, table->retention);
    deleted += static_cast<int64_t>(std::erase_if(tables_[table->name], [&](const auto& row) {
      const Value& value =
          column < row.first.size() ? row.first[column] : row.second[column - row.first.size()];
      const int64_t time = std::get<int64_t>(value);
      return time > 0 && time < cutoff;
    }));
  }
  return deleted;
}

Result<std::vector<flow::OutboxRow>> MemoryStore::outbox(const flow::OutboxRead& what) {
  const std::lock_guard lock(mutex_);
  std::vector<flow::OutboxRow> rows;
  size_t bytes = 0;
  for (auto it = outbox_.upper_bound(what.after); it != outbox_.end(); ++it) {
    if (static_cast<int64_t>(rows.size()) == what.limit || bytes >= what.bytes_max) break;
    rows.push_back({it->first, it->second});
    flow::OutboxKey& key = rows.back().key;
    if (!what.bodies) key.body.clear();
    bytes += key.table.size() + key.key.size() + key.body.size();
  }
  return rows;
}

Result<int64_t> MemoryStore::outbox_last() {
  const std::lock_guard lock(mutex_);
  return last_sequence_;
}

Result<void> MemoryStore::outbox_done(int64_t sequence) {
  const std::lock_guard lock(mutex_);
  outbox_.erase(outbox_.begin(), outbox_.upper_bound(sequence));
  return {};
}

}  // namespace waybill::testing
