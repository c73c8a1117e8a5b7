#pragma once
// The texts of the store's statements. Pure. Identifiers come from TableSpecs only; every value is a
// parameter.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "flow/rows.h"
#include "flow/store.h"
#include "store/dialect.h"

namespace waybill::store {

/// Makes the texts of one dialect. Parameters are bound in the order of their appearance in the text; those
/// of `rows` rows as RowParameters has them.
class SqlText {
 public:
  explicit SqlText(const Words& words) : words_(words) {}

  std::string name(std::string_view identifier) const;
  std::string parameter() const { return words_.parameter; }

  std::string create_table(const flow::TableSpec& table) const;
  /// The index is part of create_table().
  bool index_in_table() const { return !words_.count_columns.empty(); }
  /// Words::count_columns.
  std::string count_columns() const { return std::string(words_.count_columns); }
  std::string create_expire_index(const flow::TableSpec& table) const;
  std::string add_column(const flow::TableSpec& table, const flow::ValueColumn& column) const;
  /// INSERT of `rows` rows (keys, then values, row by row) none of which is there.
  std::string insert(const flow::TableSpec& table, size_t rows) const;
  /// INSERT of `rows` rows (keys, then values, row by row) that merges with what is there. Sketches replace:
  /// merge them before.
  std::string upsert(const flow::TableSpec& table, size_t rows) const;
  /// DELETE of the rows whose first `columns` key columns equal one of `rows` keys.
  std::string erase(const flow::TableSpec& table, size_t columns, size_t rows) const;
  /// Keys and the sketch columns of the rows with one of `rows` keys, locked for this transaction. From
  /// arrays in the order of the keys, as a join by hash would lock them in another order in each process.
  std::string select_sketches(const flow::TableSpec& table, size_t rows) const;
  /// Keys of rows past their retention: parameters are the cutoff and the number of rows.
  std::string select_expired(const flow::TableSpec& table) const;
  /// "a, b, c" of the key columns, of all or of the first `columns`.
  std::string key_list(const flow::TableSpec& table, size_t columns) const;
  /// An aggregate of a value column under GROUP BY. Not for sketches.
  std::string aggregate(const flow::ValueColumn& column) const;
  const Words& words() const { return words_; }

 private:
  /// "(?, ?), (?, ?)" for `rows` rows of `columns` parameters.
  std::string parameter_rows(size_t columns, size_t rows) const;
  /// A SELECT of the rows whose columns the parameters hold as arrays.
  std::string array_rows(std::span<const flow::ColumnType> types) const;
  std::string key_in(const flow::TableSpec& table, size_t columns, size_t rows) const;
  std::string on_conflict(const flow::TableSpec& table) const;
  std::string merged(const flow::TableSpec& table, const flow::ValueColumn& column) const;
  std::string_view type(flow::ColumnType type) const;
  const Words& words_;
};

/// Most rows of `columns` parameters each that one statement may carry: 500, or fewer for wide rows.
size_t rows_per_statement(const Words& words, size_t columns);

}  // namespace waybill::store
