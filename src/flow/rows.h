#pragma once
// Tables as data: engines declare them, the store creates, migrates, merges and queries them (DESIGN section 6).

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace waybill::flow {

enum class ColumnType : uint8_t { kText, kInt64, kDouble };

/// How a new value joins the one in the table.
enum class Merge : uint8_t {
  kSum,     ///< old + new (int64, double)
  kMin,
  kMax,
  kLast,    ///< new replaces old
  kSketch,  ///< text: TableSpec::merge_sketch(old, new)
};

struct KeyColumn {
  std::string_view name;
  ColumnType type = ColumnType::kText;  ///< kText or kInt64
};

struct ValueColumn {
  std::string_view name;
  ColumnType type = ColumnType::kInt64;
  Merge merge = Merge::kSum;
};

/// A table. All views are literals with static life. Key columns together are the primary key, in this order; query by prefix
/// is fast. Names are [a-z_]+ and no SQL keyword.
struct TableSpec {
  std::string_view name;
  std::vector<KeyColumn> keys;
  std::vector<ValueColumn> values;
  int version = 1;  ///< a higher version adds columns at the end of `values`; older stores are altered on start
  /// For kSketch columns: joins two encoded sketches (base64 text as stored). Must accept the empty text as neutral.
  std::string (*merge_sketch)(std::string_view a, std::string_view b) = nullptr;
  /// Rows whose int64 column `expire_by` (epoch ms) is older than the configured retention are deleted, 0 and below never;
  /// empty = never.
  std::string_view expire_by = {};
  enum class Retention : uint8_t { kNever, kMinutes, kHours, kFindings } retention = Retention::kNever;
};

using Value = std::variant<std::string, int64_t, double>;

/// The value of an int64 column; 0 for any other.
inline int64_t number(const Value& value) {
  const auto* found = std::get_if<int64_t>(&value);
  return found ? *found : 0;
}
/// The value of a text column; empty for any other. Lives as long as the value.
inline const std::string& text(const Value& value) {
  static const std::string kNone;
  const auto* found = std::get_if<std::string>(&value);
  return found ? *found : kNone;
}

/// One change to one table. `key` in the order of TableSpec::keys, `values` in the order of TableSpec::values.
struct RowChange {
  enum class Op : uint8_t {
    kUpsert,       ///< insert, or merge column by column
    kErase,        ///< delete the row with this key; no row is no error
    kErasePrefix,  ///< delete all rows whose key begins with `key` (shorter than the key)
  };
  const TableSpec* table = nullptr;  ///< outlives the change
  Op op = Op::kUpsert;
  std::vector<Value> key;
  std::vector<Value> values;  ///< empty for erasing
};

/// Applied in order within one commit. The store may join adjacent upserts of one key by their merges.
using Rows = std::vector<RowChange>;

/// Names a row that changed for sinks and alerts; the drainer reads the summed row. `key` without partition, joined by '\x1f'.
struct OutboxKey {
  std::string table;
  std::string key;
  std::string body;  ///< documents per message carry their own body; empty = read the row
};

}  // namespace waybill::flow
