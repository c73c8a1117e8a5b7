#pragma once
// Carries out a RowBatch: bound statements of up to 500 rows (5,000 as arrays), keys unique within each.

#include <vector>

#include "store/row_batch.h"
#include "store/sql_text.h"

namespace soci {
class session;
}

namespace waybill::store {

/// Most bytes of text in one statement, beyond its first row.
inline constexpr size_t kStatementBytesMax = 4u << 20;

/// Call inside a write transaction. Throws soci::soci_error; what was written before is then rolled back by
/// the caller.
void write_rows(soci::session& session, const SqlText& text, const RowBatch& batch);

/// One row (keys, then values) that merges with what is there.
void upsert_row(soci::session& session, const SqlText& text, const flow::TableSpec& table,
                const std::vector<flow::Value>& row);

/// Deletes the rows with these keys, all of one length (the whole key or a prefix of it).
void erase_rows(soci::session& session, const SqlText& text, const flow::TableSpec& table,
                const std::vector<const std::vector<flow::Value>*>& keys);

}  // namespace waybill::store
