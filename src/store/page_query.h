#pragma once
// flow::Query over SQL: filters, grouping with merges, pages in the order of the key.

#include "base/result.h"
#include "flow/store.h"
#include "store/sql_text.h"

namespace soci {
class session;
}

namespace waybill::store {

inline constexpr int64_t kQueryRowsMax = 100'000;

/// kInvalid for unknown columns, values of the wrong type, a limit outside [1, kQueryRowsMax], a cursor that
/// is not ours. Call inside a read transaction. Throws soci::soci_error. Grouped rows come in the order of
/// the group columns; when there are more groups than `limit`, the first ones.
Result<flow::Page> run_query(soci::session& session, const SqlText& text, const flow::Query& query);

}  // namespace waybill::store
