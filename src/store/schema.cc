#include "store/schema.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "base/assert.h"
#include "base/types.h"
#include "store/statement.h"
#include "store/writer.h"

namespace waybill::store {
namespace {

using flow::ColumnType;
using flow::Merge;
using flow::TableSpec;
using flow::Value;
constexpr auto kTextColumn = ColumnType::kText;
constexpr auto kIntColumn = ColumnType::kInt64;

std::string_view type_name(ColumnType type) {
  switch (type) {
    case ColumnType::kText:
      return "text";
    case ColumnType::kInt64:
      return "int64";
    case ColumnType::kDouble:
      return "double";
  }
  return "";
}

std::string describe(std::string_view name, ColumnType type) {
  std::string out(name);
  out += ':';
  out += type_name(type);
  return out;
}

std::string describe_keys(const TableSpec& table) {
  std::string out;
  for (const auto& key : table.keys) out += describe(key.name, key.type) + " ";
  return out + "->";
}

/// "cluster:text start:int64 -> count:int64", kept in the store to see what a table has.
std::string describe(const TableSpec& table) {
  std::string out = describe_keys(table);
  for (const auto& value : table.values) out += " " + describe(value.name, value.type);
  return out;
}

bool well_formed(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

void check_names(const TableSpec& table) {
  ASSERT(well_formed(table.name) && !table.keys.empty());
  for (const auto& key : table.keys) ASSERT(well_formed(key.name) && key.type != ColumnType::kDouble);
  for (const auto& value : table.values) ASSERT(well_formed(value.name));
}

void create_index(soci::session& session, const SqlText& text, const TableSpec& table) {
  if (!table.expire_by.empty() && !text.index_in_table()) execute(session, text.create_expire_index(table));
}

void create(soci::session& session, const SqlText& text, const TableSpec& table) {
  check_names(table);
  execute(session, text.create_table(table));
  create_index(session, text, table);
}

/// Where DDL commits by itself, an interrupted migration may have added the column already.
bool has_column(soci::session& session, const SqlText& text, const TableSpec& table,
                const flow::ValueColumn& column) {
  const std::string count = text.count_columns();
  if (count.empty()) return false;
  const Value of = std::string(table.name);
  const Value named = std::string(column.name);
  const ColumnType number[] = {kIntColumn};
  return std::get<int64_t>(fetch(session, count, {&of, &named}, number).at(0)[0]) > 0;
}

/// Adds the columns that the stored description lacks; returns the new description, which keeps what only the
/// store has.
Result<std::string> migrate(soci::session& session, const SqlText& text, const TableSpec& table,
                            const std::string& stored) {
  const std::string keys = describe_keys(table);
  if (!stored.starts_with(keys)) {
    return fail(Errc::kConflict, "table " + std::string(table.name) + " has the keys \"" + stored +
                                     "\", this build wants \"" + keys + "\"");
  }
  std::istringstream words(stored.substr(keys.size()));
  std::vector<std::string> present;
  for (std::string word; words >> word;) present.push_back(word);
  std::string description = stored;
  for (const auto& column : table.values) {
    const std::string name = std::string(column.name) + ":";
    auto it = std::find_if(present.begin(), present.end(),
                           [&](const std::string& word) { return word.starts_with(name); });
    if (it == present.end()) {
      if (!has_column(session, text, table, column)) execute(session, text.add_column(table, column));
      description += " " + describe(column.name, column.type);
    } else if (*it != describe(column.name, column.type)) {
      return fail(Errc::kConflict, "table " + std::string(table.name) + " has the column " + *it +
                                       ", this build wants " + describe(column.name, column.type));
    }
  }
  return description;
}

}  // namespace

const TableSpec& meta_table() {
  static const TableSpec spec{
      .name = "flow_meta", .keys = {{"name"}}, .values = {{"value", kTextColumn, Merge::kLast}}};
  return spec;
}

const TableSpec& version_table() {
  static const TableSpec spec{
      .name = "flow_table",
      .keys = {{"name"}},
      .values = {{"version", kIntColumn, Merge::kLast}, {"columns", kTextColumn, Merge::kLast}}};
  return spec;
}

const TableSpec& counter_table() {
  static const TableSpec spec{
      .name = "flow_counter", .keys = {{"name"}}, .values = {{"value", kIntColumn, Merge::kSum}}};
  return spec;
}

const TableSpec& task_table() {
  static const TableSpec spec{.name = "flow_task",
                              .keys = {{"id"}},
                              .values = {{"epoch", kIntColumn, Merge::kSum},
                                         {"owner", kTextColumn, Merge::kLast},
                                         {"commits", kIntColumn, Merge::kSum}}};
  return spec;
}

const TableSpec& position_table() {
  static const TableSpec spec{.name = "flow_position",
                              .keys = {{"task"}, {"source"}, {"topic"}, {"part", kIntColumn}},
                              .values = {{"next_offset", kIntColumn, Merge::kLast}}};
  return spec;
}

const TableSpec& segment_table() {
  static const TableSpec spec{.name = "flow_segment",
                              .keys = {{"task"}, {"segment"}, {"part", kIntColumn}},
                              .values = {{"data", kTextColumn, Merge::kLast}}};
  return spec;
}

const TableSpec& lease_table() {
  static const TableSpec spec{.name = "flow_lease",
                              .keys = {{"name"}},
                              .values = {{"epoch", kIntColumn, Merge::kSum},
                                         {"holder", kTextColumn, Merge::kLast},
                                         {"until_ms", kIntColumn, Merge::kLast}}};
  return spec;
}

const TableSpec& outbox_table() {
  static const TableSpec spec{.name = "flow_outbox",
                              .keys = {{"sequence", kIntColumn}},
                              .values = {{"of_table", kTextColumn, Merge::kLast},
                                         {"of_key", kTextColumn, Merge::kLast},
                                         {"body", kTextColumn, Merge::kLast}}};
  return spec;
}

Result<std::string> open_schema(soci::session& session, const SqlText& text) {
  const ColumnType columns[] = {kTextColumn, kTextColumn};
  create(session, text, meta_table());
  std::string id;
  int64_t version = 0;
  const std::string all =
      "SELECT " + text.name("name") + ", " + text.name("value") + " FROM " + text.name(meta_table().name);
  for (Row& row : fetch(session, all, {}, columns)) {
    const auto& name = std::get<std::string>(row[0]);
    const auto& value = std::get<std::string>(row[1]);
    if (name == "id") id = value;
    if (name == "schema") version = std::strtoll(value.c_str(), nullptr, 10);
  }
  if (version > kSchemaVersion) {
    return fail(Errc::kUnsupported, "the store has schema " + std::to_string(version) +
                                        ", this build knows up to " + std::to_string(kSchemaVersion) +
                                        ": use a newer build");
  }
  if (version == kSchemaVersion && !id.empty()) return id;
  for (const TableSpec* table : {&version_table(), &counter_table(), &task_table(), &position_table(),
                                 &segment_table(), &lease_table(), &outbox_table()}) {
    create(session, text, *table);
  }
  if (id.empty()) id = Id128::random().hex();
  upsert_row(session, text, meta_table(), {std::string("id"), id});
  upsert_row(session, text, meta_table(), {std::string("schema"), std::to_string(kSchemaVersion)});
  return id;
}

Result<void> ensure_table(soci::session& session, const SqlText& text, const TableSpec& table) {
  const ColumnType columns[] = {kIntColumn, kTextColumn};
  const Value name = std::string(table.name);
  const std::string find = "SELECT " + text.name("version") + ", " + text.name("columns") + " FROM " +
                           text.name(version_table().name) + " WHERE " + text.name("name") + " = " +
                           text.parameter();
  const auto stored = fetch(session, find, {&name}, columns);
  std::string description = describe(table);
  if (stored.empty()) {
    create(session, text, table);
  } else {
    const int64_t version = std::get<int64_t>(stored[0][0]);
    if (version > table.version) {
      return fail(Errc::kUnsupported, "table " + std::string(table.name) + " has version " +
                                          std::to_string(version) + ", this build knows up to " +
                                          std::to_string(table.version) + ": use a newer build");
    }
    const auto& known = std::get<std::string>(stored[0][1]);
    if (version == table.version && known == description) return {};
    auto migrated = migrate(session, text, table, known);
    if (!migrated) return tl::unexpected(std::move(migrated.error()));
    description = std::move(*migrated);
    create_index(session, text, table);
  }
  upsert_row(session, text, version_table(), {name, int64_t{table.version}, description});
  return {};
}

}  // namespace waybill::store
