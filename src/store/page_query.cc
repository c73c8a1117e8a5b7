#include "store/page_query.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <deque>
#include <optional>

#include "store/cursor.h"
#include "store/merge.h"
#include "store/row_batch.h"
#include "store/statement.h"
#include "store/storable.h"

namespace waybill::store {
namespace {

using flow::ColumnType;
using flow::Filter;
using flow::Merge;
using flow::Page;
using flow::Query;
using flow::TableSpec;
using flow::Value;

std::optional<ColumnType> column_type(const TableSpec& table, std::string_view name) {
  for (const auto& key : table.keys) {
    if (key.name == name) return key.type;
  }
  for (const auto& value : table.values) {
    if (value.name == name) return value.type;
  }
  return std::nullopt;
}

bool is_key(const TableSpec& table, std::string_view name) {
  return std::any_of(table.keys.begin(), table.keys.end(), [&](const auto& key) { return key.name == name; });
}

std::string_view operator_text(Filter::Op op) {
  switch (op) {
    case Filter::Op::kEq:
      return " = ";
    case Filter::Op::kNe:
      return " <> ";
    case Filter::Op::kLt:
      return " < ";
    case Filter::Op::kLe:
      return " <= ";
    case Filter::Op::kGt:
      return " > ";
    case Filter::Op::kGe:
      return " >= ";
  }
  return " = ";
}

bool value_fits(const Value& value, ColumnType type) { return value.index() == static_cast<size_t>(type); }
static_assert(
    std::is_same_v<std::variant_alternative_t<static_cast<size_t>(ColumnType::kText), Value>, std::string>);
static_assert(
    std::is_same_v<std::variant_alternative_t<static_cast<size_t>(ColumnType::kInt64), Value>, int64_t>);
static_assert(
    std::is_same_v<std::variant_alternative_t<static_cast<size_t>(ColumnType::kDouble), Value>, double>);

Result<void> check(const Query& query) {
  const TableSpec& table = *query.table;
  auto invalid = [&](const std::string& what) {
    return fail(Errc::kInvalid, "query of " + std::string(table.name) + ": " + what);
  };
  if (query.limit < 1 || query.limit > kQueryRowsMax) {
    return invalid("limit must be between 1 and " + std::to_string(kQueryRowsMax));
  }
  for (const Filter& filter : query.where) {
    const auto type = column_type(table, filter.column);
    if (!type) return invalid("no column " + filter.column);
    if (!value_fits(filter.value, *type)) return invalid("a value of the wrong type for " + filter.column);
  }
  for (const auto& column : query.group_by) {
    if (!is_key(table, column)) return invalid("cannot group by " + column + ", which is no key column");
  }
  if (!query.group_by.empty() && !query.cursor.empty()) return invalid("a cursor does not go with group_by");
  return {};
}

/// A SELECT in the making.
struct Select {
  std::string where;
  Parameters parameters;
  std::deque<Value> own;  ///< parameters that live here

  std::string add(const SqlText& text, const Value& value) {
    parameters.push_back(&value);
    return text.parameter();
  }
  std::string keep(const SqlText& text, Value value) { return add(text, own.emplace_back(std::move(value))); }
  void require(const std::string& condition) { where += (where.empty() ? " WHERE " : " AND ") + condition; }
};

void add_filters(Select& select, const SqlText& text, const Query& query) {
  for (const Filter& filter : query.where) {
    const auto* given = std::get_if<std::string>(&filter.value);
    const bool key = given != nullptr && is_key(*query.table, filter.column);
    const bool fine = given == nullptr || (key ? is_storable_key(*given) : is_storable(*given));
    const std::string value = fine ? select.add(text, filter.value)
                                   : select.keep(text, key ? to_storable_key(*given) : to_storable(*given));
    select.require(text.name(filter.column) + std::string(operator_text(filter.op)) + value);
  }
}

/// Rows behind the cursor. Key columns that the filters fix are left out, so that the rest is a range of the
/// primary key.
void add_cursor(Select& select, const SqlText& text, const Query& query, std::vector<Value> key) {
  std::string columns, values;
  std::vector<size_t> open;
  for (size_t i = 0; i < key.size(); ++i) {
    const auto& name = query.table->keys[i].name;
    const bool fixed = std::any_of(query.where.begin(), query.where.end(), [&](const Filter& filter) {
      return filter.column == name && filter.op == Filter::Op::kEq;
    });
    if (!fixed) open.push_back(i);
  }
  if (open.size() > 1 && text.words().row_range_needs_first) {
    const size_t first = open.front();
    select.require(text.name(query.table->keys[first].name) + " >= " + select.keep(text, key[first]));
  }
  for (const size_t i : open) {
    columns += (columns.empty() ? "" : ", ") + text.name(query.table->keys[i].name);
    values += (values.empty() ? "" : ", ") + select.keep(text, std::move(key[i]));
  }
  select.require(columns.empty() ? "1 = 0" : "(" + columns + ") > (" + values + ")");
}

Page::Row split(Row& row, size_t keys) {
  Page::Row out;
  const auto border = row.begin() + static_cast<std::ptrdiff_t>(keys);
  out.key.assign(std::make_move_iterator(row.begin()), std::make_move_iterator(border));
  out.values.assign(std::make_move_iterator(border), std::make_move_iterator(row.end()));
  return out;
}

Result<Page> plain(soci::session& session, const SqlText& text, const Query& query) {
  const TableSpec& table = *query.table;
  Select select;
  add_filters(select, text, query);
  if (!query.cursor.empty()) {
    auto key = decode_cursor(table, query.cursor);
    if (!key) return tl::unexpected(std::move(key.error()));
    add_cursor(select, text, query, std::move(*key));
  }
  std::string columns = text.key_list(table, table.keys.size());
  std::vector<ColumnType> types;
  for (const auto& key : table.keys) types.push_back(key.type);
  for (const auto& value : table.values) {
    columns += ", " + text.name(value.name);
    types.push_back(value.type);
  }
  const std::string sql = "SELECT " + columns + " FROM " + text.name(table.name) + select.where +
                          " ORDER BY " + text.key_list(table, table.keys.size()) + " LIMIT " +
                          select.keep(text, query.limit + 1);
  Page page;
  bool more = false;
  fetch_each(session, sql, select.parameters, types, [&](Row& row) {
    if (static_cast<int64_t>(page.rows.size()) < query.limit) {
      page.rows.push_back(split(row, table.keys.size()));
    } else {
      more = true;
    }
  });
  if (more) page.next = encode_cursor(page.rows.back().key);
  return page;
}

std::string group_list(const SqlText& text, const Query& query) {
  std::string list;
  for (const auto& column : query.group_by) list += (list.empty() ? "" : ", ") + text.name(column);
  return list;
}

/// Merges the sketches of one column, row by row, into the groups of the page.
void merge_sketches(soci::session& session, const SqlText& text, const Query& query, size_t column,
                    Page& page) {
  const TableSpec& table = *query.table;
  absl::flat_hash_map<KeyRef, Page::Row*> groups;
  for (Page::Row& row : page.rows) groups.emplace(KeyRef{&row.key}, &row);
  Select select;
  add_filters(select, text, query);
  const std::string name = text.name(table.values[column].name);
  select.require(name + " <> " + select.keep(text, std::string()));
  std::vector<ColumnType> types;
  for (const auto& group : query.group_by) types.push_back(*column_type(table, group));
  types.push_back(ColumnType::kText);
  const std::string sql =
      "SELECT " + group_list(text, query) + ", " + name + " FROM " + text.name(table.name) + select.where;
  fetch_each(session, sql, select.parameters, types, [&](Row& row) {
    const Value sketch = std::move(row.back());
    row.pop_back();
    if (auto it = groups.find(KeyRef{&row}); it != groups.end()) {
      merge_value(table, table.values[column], it->second->values[column], sketch);
    }
  });
}

Page grouped(soci::session& session, const SqlText& text, const Query& query) {
  const TableSpec& table = *query.table;
  Select select;
  add_filters(select, text, query);
  const std::string groups = group_list(text, query);
  std::string columns = groups;
  std::vector<ColumnType> types;
  for (const auto& column : query.group_by) types.push_back(*column_type(table, column));
  for (const auto& value : table.values) {
    if (value.merge == Merge::kSketch) continue;
    columns += ", " + text.aggregate(value);
    types.push_back(value.type);
  }
  const std::string sql = "SELECT " + columns + " FROM " + text.name(table.name) + select.where +
                          " GROUP BY " + groups + " ORDER BY " + groups + " LIMIT " +
                          select.keep(text, query.limit);
  Page page;
  fetch_each(session, sql, select.parameters, types, [&](Row& row) {
    Page::Row out = split(row, query.group_by.size());
    for (size_t i = 0; i < table.values.size(); ++i) {
      if (table.values[i].merge == Merge::kSketch) {
        out.values.insert(out.values.begin() + static_cast<std::ptrdiff_t>(i), std::string());
      }
    }
    page.rows.push_back(std::move(out));
  });
  for (size_t i = 0; i < table.values.size(); ++i) {
    if (query.sketches && table.values[i].merge == Merge::kSketch)
      merge_sketches(session, text, query, i, page);
  }
  return page;
}

}  // namespace

Result<Page> run_query(soci::session& session, const SqlText& text, const Query& query) {
  if (query.table == nullptr) return fail(Errc::kInvalid, "query without a table");
  if (auto fine = check(query); !fine) return tl::unexpected(std::move(fine.error()));
  if (query.group_by.empty()) return plain(session, text, query);
  return grouped(session, text, query);
}

}  // namespace waybill::store
