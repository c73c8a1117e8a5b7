#pragma once
// Statements with parameters and columns whose types are known at run time only. The one place that binds
// values with SOCI.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "flow/rows.h"

namespace soci {
class session;
}

namespace waybill::store {

using Row = std::vector<flow::Value>;
/// Parameters by address, in the order of the statement; they must outlive the call.
using Parameters = std::vector<const flow::Value*>;

/// Runs a statement and returns the number of rows it changed. Throws soci::soci_error.
int64_t execute(soci::session& session, const std::string& sql, const Parameters& parameters = {});

/// Runs a query and hands each row to `take`, which may move values out of it. Throws soci::soci_error.
void fetch_each(soci::session& session, const std::string& sql, const Parameters& parameters,
                std::span<const flow::ColumnType> columns, const std::function<void(Row& row)>& take);

/// Until `take` returns false. What it gets is the buffer of all rows: values may be moved out of it, it
/// stays as it is otherwise. No copy. Throws soci::soci_error.
void fetch_while(soci::session& session, const std::string& sql, const Parameters& parameters,
                 std::span<const flow::ColumnType> columns, const std::function<bool(Row& buffer)>& take);

/// All rows of a query. Throws soci::soci_error.
std::vector<Row> fetch(soci::session& session, const std::string& sql, const Parameters& parameters,
                       std::span<const flow::ColumnType> columns);

}  // namespace waybill::store
