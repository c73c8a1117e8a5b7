#pragma once
// The store's own tables, and making and migrating those of the engines.

#include <span>
#include <string>

#include "base/result.h"
#include "flow/rows.h"
#include "store/sql_text.h"

namespace soci {
class session;
}

namespace waybill::store {

/// Version of the tables below. A store of a newer one is refused; an older one is migrated by open_schema().
inline constexpr int64_t kSchemaVersion = 1;

const flow::TableSpec& meta_table();      ///< name -> value
const flow::TableSpec& version_table();   ///< engine table -> version, columns
const flow::TableSpec& counter_table();   ///< name -> value; the outbox's last sequence
const flow::TableSpec& task_table();      ///< id -> epoch, owner, commits
const flow::TableSpec& position_table();  ///< task, source, topic, part -> next_offset
const flow::TableSpec&
segment_table();  ///< task, segment, part -> base64. Parts ascend; their joined bytes are the segment
const flow::TableSpec& lease_table();   ///< name -> epoch, holder, until_ms
const flow::TableSpec& outbox_table();  ///< sequence -> what changed

/// Makes the store's own tables if need be and returns the store's id. kUnsupported when they are of a newer
/// build. Call inside a write transaction. Throws soci::soci_error.
Result<std::string> open_schema(soci::session& session, const SqlText& text);

/// Makes or alters one engine table. kUnsupported when the stored one is of a newer version, kConflict when
/// keys or types differ. Call inside a write transaction. Throws soci::soci_error.
Result<void> ensure_table(soci::session& session, const SqlText& text, const flow::TableSpec& table);

}  // namespace waybill::store
