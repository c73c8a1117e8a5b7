#include "store/sql_text.h"

#include <algorithm>

namespace waybill::store {
namespace {

constexpr size_t kRowsPerStatement = 500;
constexpr size_t kRowsPerArrays = 5000;

void join(std::string& out, std::string_view separator, std::string_view item) {
  if (!out.empty()) out += separator;
  out += item;
}

/// Of the keys, then of the values.
std::vector<flow::ColumnType> types_of(const flow::TableSpec& table) {
  std::vector<flow::ColumnType> types;
  for (const auto& key : table.keys) types.push_back(key.type);
  for (const auto& value : table.values) types.push_back(value.type);
  return types;
}

}  // namespace

size_t rows_per_statement(const Words& words, size_t columns) {
  if (words.rows == Words::Rows::kArrays) return kRowsPerArrays;
  return std::clamp<size_t>(words.parameters_max / std::max<size_t>(columns, 1), 1, kRowsPerStatement);
}

std::string SqlText::name(std::string_view identifier) const {
  std::string out(words_.quote);
  out += identifier;
  out += words_.quote;
  return out;
}

std::string_view SqlText::type(flow::ColumnType type) const {
  switch (type) {
    case flow::ColumnType::kText:
      return words_.text;
    case flow::ColumnType::kInt64:
      return words_.int64;
    case flow::ColumnType::kDouble:
      return words_.real;
  }
  return words_.text;
}

std::string SqlText::create_table(const flow::TableSpec& table) const {
  std::string columns;
  for (const auto& key : table.keys) {
    join(columns, ", ", name(key.name) + " ");
    columns += key.type == flow::ColumnType::kText ? words_.key_text : words_.int64;
  }
  for (const auto& value : table.values) {
    join(columns, ", ", name(value.name) + " ");
    columns += type(value.type);
  }
  std::string sql = "CREATE TABLE IF NOT EXISTS " + name(table.name) + " (" + columns;
  sql += ", PRIMARY KEY (" + key_list(table, table.keys.size()) + ")";
  if (index_in_table() && !table.expire_by.empty()) sql += ", INDEX (" + name(table.expire_by) + ")";
  sql += ")";
  sql += words_.table_suffix;
  return sql;
}

std::string SqlText::create_expire_index(const flow::TableSpec& table) const {
  return "CREATE INDEX IF NOT EXISTS " + name(std::string(table.name) + "_expire") + " ON " +
         name(table.name) + " (" + name(table.expire_by) + ")";
}

std::string SqlText::add_column(const flow::TableSpec& table, const flow::ValueColumn& column) const {
  std::string sql = "ALTER TABLE " + name(table.name) + " ADD COLUMN " + name(column.name) + " ";
  sql += type(column.type);
  return sql;
}

std::string SqlText::key_list(const flow::TableSpec& table, size_t columns) const {
  std::string list;
  for (size_t i = 0; i < columns; ++i) join(list, ", ", name(table.keys[i].name));
  return list;
}

std::string SqlText::parameter_rows(size_t columns, size_t rows) const {
  std::string out;
  for (size_t row = 0; row < rows; ++row) {
    out += row == 0 ? "(" : ", (";
    for (size_t column = 0; column < columns; ++column) {
      if (column != 0) out += ", ";
      out += words_.parameter;
    }
    out += ")";
  }
  return out;
}

std::string SqlText::array_rows(std::span<const flow::ColumnType> types) const {
  std::string sql = "SELECT * FROM unnest(";
  for (size_t i = 0; i < types.size(); ++i) {
    sql += i == 0 ? "CAST(" : ", CAST(";
    sql += words_.parameter;
    switch (types[i]) {
      case flow::ColumnType::kText:
        sql += " AS TEXT[])";
        break;
      case flow::ColumnType::kInt64:
        sql += " AS BIGINT[])";
        break;
      case flow::ColumnType::kDouble:
        sql += " AS DOUBLE PRECISION[])";
        break;
    }
  }
  return sql + ")";
}

std::string SqlText::key_in(const flow::TableSpec& table, size_t columns, size_t rows) const {
  std::string sql = "(" + key_list(table, columns) + ") IN (";
  if (words_.rows_are_found_first) {
    std::string found, same;
    for (size_t i = 0; i < columns; ++i) {
      const std::string column = "found." + name(table.keys[i].name);
      join(found, ", ", column);
      join(same, " AND ", column + " = wanted.column" + std::to_string(i + 1));
    }
    sql += "SELECT " + found + " FROM (" + std::string(words_.row_list) + parameter_rows(columns, rows);
    return sql + ") AS wanted CROSS JOIN " + name(table.name) + " AS found ON " + same + ")";
  }
  if (words_.rows == Words::Rows::kArrays) {
    const auto types = types_of(table);
    return sql + array_rows(std::span(types).first(columns)) + ")";
  }
  sql += words_.row_list;
  sql += parameter_rows(columns, rows) + ")";
  return sql;
}

std::string SqlText::merged(const flow::TableSpec& table, const flow::ValueColumn& column) const {
  const std::string old = name(table.name) + "." + name(column.name);
  const bool excluded = words_.upsert == Words::Upsert::kOnConflict;
  const std::string added = excluded ? "excluded." + name(column.name) : "VALUES(" + name(column.name) + ")";
  auto call = [&](std::string_view function) {
    return std::string(function) + "(" + old + ", " + added + ")";
  };
  switch (column.merge) {
    case flow::Merge::kSum:
      return old + " + " + added;
    case flow::Merge::kMin:
      return call(words_.least);
    case flow::Merge::kMax:
      return call(words_.greatest);
    case flow::Merge::kLast:
    case flow::Merge::kSketch:
      return added;
  }
  return added;
}

std::string SqlText::on_conflict(const flow::TableSpec& table) const {
  std::string changes;
  for (const auto& column : table.values)
    join(changes, ", ", name(column.name) + " = " + merged(table, column));
  if (words_.upsert == Words::Upsert::kOnDuplicateKey) {
    const std::string key = name(table.keys.front().name);
    return " ON DUPLICATE KEY UPDATE " + (changes.empty() ? key + " = " + key : changes);
  }
  return " ON CONFLICT (" + key_list(table, table.keys.size()) + ") DO " +
         (changes.empty() ? "NOTHING" : "UPDATE SET " + changes);
}

std::string SqlText::insert(const flow::TableSpec& table, size_t rows) const {
  std::string columns = key_list(table, table.keys.size());
  for (const auto& column : table.values) join(columns, ", ", name(column.name));
  const std::string into = "INSERT INTO " + name(table.name) + " (" + columns + ") ";
  if (words_.rows == Words::Rows::kArrays) return into + array_rows(types_of(table));
  return into + "VALUES " + parameter_rows(table.keys.size() + table.values.size(), rows);
}

std::string SqlText::upsert(const flow::TableSpec& table, size_t rows) const {
  return insert(table, rows) + on_conflict(table);
}

std::string SqlText::erase(const flow::TableSpec& table, size_t columns, size_t rows) const {
  if (columns == 0) return "DELETE FROM " + name(table.name);
  if (words_.by_key.empty())
    return "DELETE FROM " + name(table.name) + " WHERE " + key_in(table, columns, rows);
  std::string sql = "DELETE " + name(table.name) + " FROM " + name(table.name);
  sql += words_.by_key;
  return sql + " WHERE " + key_in(table, columns, rows);
}

std::string SqlText::select_sketches(const flow::TableSpec& table, size_t rows) const {
  std::string columns = key_list(table, table.keys.size());
  for (const auto& column : table.values) {
    if (column.merge == flow::Merge::kSketch) join(columns, ", ", name(column.name));
  }
  std::string sql = "SELECT " + columns + " FROM " + name(table.name);
  sql += words_.by_key;
  sql += " WHERE " + key_in(table, table.keys.size(), rows);
  if (words_.rows == Words::Rows::kArrays) sql += " ORDER BY " + key_list(table, table.keys.size());
  sql += words_.lock_rows;
  return sql;
}

std::string SqlText::select_expired(const flow::TableSpec& table) const {
  const std::string column = name(table.expire_by);
  return "SELECT " + key_list(table, table.keys.size()) + " FROM " + name(table.name) + " WHERE " + column +
         " > 0 AND " + column + " < " + parameter() + " ORDER BY " + column + " LIMIT " + parameter();
}

std::string SqlText::aggregate(const flow::ValueColumn& column) const {
  const std::string of = "(" + name(column.name) + ")";
  switch (column.merge) {
    case flow::Merge::kSum: {
      if (column.type != flow::ColumnType::kInt64) return "SUM" + of;
      std::string sql(words_.sum_before);
      sql += "SUM" + of;
      sql += words_.sum_after;
      return sql;
    }
    case flow::Merge::kMin:
      return "MIN" + of;
    case flow::Merge::kMax:
    case flow::Merge::kLast:
    case flow::Merge::kSketch:
      return "MAX" + of;
  }
  return "MAX" + of;
}

}  // namespace waybill::store
