#pragma once
// For tests of the collector: a store in memory, with the merges of flow/rows.h, and the stored state of a
// Task.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/tables.h"
#include "flow/rows.h"
#include "flow/task.h"
#include "tally/bucket.h"

namespace waybill::audit::harness {

/// Rows as a store keeps them: table name -> key -> values.
class Tables {
 public:
  using Row = std::vector<flow::Value>;
  using Table = std::map<Row, Row>;

  void apply(const flow::Rows& rows) {
    for (const flow::RowChange& change : rows) {
      Table& table = tables_[std::string(change.table->name)];
      if (change.op == flow::RowChange::Op::kErase) {
        table.erase(change.key);
        continue;
      }
      auto [it, fresh] = table.try_emplace(change.key, change.values);
      if (fresh) continue;
      for (size_t i = 0; i < change.values.size(); ++i)
        merge(*change.table, i, it->second[i], change.values[i]);
    }
  }
  const Table& table(const flow::TableSpec& spec) { return tables_[std::string(spec.name)]; }
  const std::map<std::string, Table>& all() const { return tables_; }

  /// Sum of a column over the rows whose keys begin with the given values.
  int64_t sum(const flow::TableSpec& spec, const Row& prefix, std::string_view column) {
    int64_t total = 0;
    for (const auto& [key, values] : table(spec)) {
      if (!std::equal(prefix.begin(), prefix.end(), key.begin())) continue;
      total += std::get<int64_t>(values[index(spec, column)]);
    }
    return total;
  }
  static size_t index(const flow::TableSpec& spec, std::string_view column) {
    for (size_t i = 0; i < spec.values.size(); ++i) {
      if (spec.values[i].name == column) return i;
    }
    std::abort();
  }

 private:
  static void merge(const flow::TableSpec& spec, size_t i, flow::Value& old, const flow::Value& now) {
    switch (spec.values[i].merge) {
      case flow::Merge::kSum:
        old = std::get<int64_t>(old) + std::get<int64_t>(now);
        break;
      case flow::Merge::kMin:
        old = std::min(old, now);
        break;
      case flow::Merge::kMax:
        old = std::max(old, now);
        break;
      case flow::Merge::kLast:
        old = now;
        break;
      case flow::Merge::kSketch:
        old = spec.merge_sketch(std::get<std::string>(old), std::get<std::string>(now));
        break;
    }
  }
  std::map<std::string, Table> tables_;
};

/// What the rows of hours say otherwise than the rows of their buckets added up; empty when nothing.
inline std::string hours_against_buckets(Tables& tables) {
  Tables added;
  flow::Rows rows;
  for (const auto& [key, values] : tables.table(bucket_table())) {
    Tables::Row hour = key;
    hour[3] = tally::bucket_start(std::get<int64_t>(key[3]), kHourMs).value;
    rows.push_back({&hour_table(), flow::RowChange::Op::kUpsert, std::move(hour), values});
  }
  added.apply(rows);
  std::string wrong;
  for (const auto& [key, values] : added.table(hour_table())) {
    const auto found = tables.table(hour_table()).find(key);
    for (size_t i = 0; i < values.size(); ++i) {
      const flow::ValueColumn& column = hour_table().values[i];
      if (column.merge != flow::Merge::kSum && column.merge != flow::Merge::kSketch) continue;
      if (found == tables.table(hour_table()).end() || found->second[i] != values[i])
        wrong += std::string(column.name) + " of " + std::get<std::string>(key[4]) + ", ";
    }
  }
  if (added.table(hour_table()).size() != tables.table(hour_table()).size()) wrong += "the number of rows";
  return wrong;
}

/// Stored state of a Task.
class Segments : public flow::SegmentReader {
 public:
  void apply(const std::vector<flow::SegmentChange>& changes) {
    for (const flow::SegmentChange& c : changes) {
      written_ += c.bytes.size();
      if (c.op == flow::SegmentChange::Op::kDrop) segments_.erase(c.name);
      if (c.op == flow::SegmentChange::Op::kReplace) segments_[c.name] = c.bytes;
      if (c.op == flow::SegmentChange::Op::kAppend) segments_[c.name] += c.bytes;
    }
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, bytes] : segments_) out.push_back(name);
    return out;
  }
  Result<std::string> read(std::string_view name) const override {
    auto it = segments_.find(name);
    if (it == segments_.end()) return fail(Errc::kNotFound, "no segment " + std::string(name));
    return it->second;
  }
  size_t total() const {
    size_t n = 0;
    for (const auto& [name, bytes] : segments_) n += bytes.size();
    return n;
  }
  size_t largest() const {
    size_t n = 0;
    for (const auto& [name, bytes] : segments_) n = std::max(n, bytes.size());
    return n;
  }
  size_t written() const { return written_; }

 private:
  std::map<std::string, std::string, std::less<>> segments_;
  size_t written_ = 0;
};

}  // namespace waybill::audit::harness
