#include "store/statement.h"

#include <soci/soci.h>

#include <variant>

namespace waybill::store {
namespace {

void bind_all(soci::statement& statement, const Parameters& parameters) {
  for (const flow::Value* value : parameters) {
    std::visit([&](const auto& v) { statement.exchange(soci::use(v)); }, *value);
  }
}

flow::Value blank(flow::ColumnType type) {
  switch (type) {
    case flow::ColumnType::kText:
      return std::string();
    case flow::ColumnType::kInt64:
      return int64_t{0};
    case flow::ColumnType::kDouble:
      return 0.0;
  }
  return int64_t{0};
}

}  // namespace

int64_t execute(soci::session& session, const std::string& sql, const Parameters& parameters) {
  soci::statement statement(session);
  bind_all(statement, parameters);
  statement.alloc();
  statement.prepare(sql, soci::details::st_one_time_query);
  statement.define_and_bind();
  statement.execute(true);
  return statement.get_affected_rows();
}

void fetch_each(soci::session& session, const std::string& sql, const Parameters& parameters,
                std::span<const flow::ColumnType> columns, const std::function<void(Row& row)>& take) {
  fetch_while(session, sql, parameters, columns, [&take](const Row& buffer) {
    Row row = buffer;
    take(row);
    return true;
  });
}

void fetch_while(soci::session& session, const std::string& sql, const Parameters& parameters,
                 std::span<const flow::ColumnType> columns, const std::function<bool(Row& buffer)>& take) {
  Row buffer;
  buffer.reserve(columns.size());
  for (flow::ColumnType type : columns) buffer.push_back(blank(type));
  soci::statement statement(session);
  for (flow::Value& value : buffer) {
    std::visit([&](auto& v) { statement.exchange(soci::into(v)); }, value);
  }
  bind_all(statement, parameters);
  statement.alloc();
  statement.prepare(sql, soci::details::st_one_time_query);
  statement.define_and_bind();
  for (bool more = statement.execute(true); more && take(buffer);) more = statement.fetch();
}

std::vector<Row> fetch(soci::session& session, const std::string& sql, const Parameters& parameters,
                       std::span<const flow::ColumnType> columns) {
  std::vector<Row> rows;
  fetch_each(session, sql, parameters, columns, [&](Row& row) { rows.push_back(std::move(row)); });
  return rows;
}

}  // namespace waybill::store
