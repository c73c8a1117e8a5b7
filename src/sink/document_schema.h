#pragma once
// The indices that are written: their fields, and how their days are named. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "search/server_kind.h"

namespace waybill::sink {

/// What the documents of an alias are.
enum class DocumentKind : uint8_t {
  kMessages,  ///< of a ledger: one per producer, message and consumer
  kHops,      ///< of the audit: one per topic, tier, group, service, host and bucket
};

/// The fields of such documents, a JSON object; the "properties" of a mapping.
std::string_view document_properties(DocumentKind kind);

/// "/_template/waybill-ALIAS" or "/_index_template/waybill-ALIAS".
std::string template_path(const search::ServerKind& server, std::string_view alias);
/// Indices ALIAS-* get these fields and the alias.
std::string template_body(const search::ServerKind& server, std::string_view alias, DocumentKind kind);

/// "audit-tmm-2018.11.23": the day in UTC.
std::string day_index(std::string_view alias, int64_t time_ms);
/// Days since 1970-01-01 of an index that day_index() has named; nullopt: another.
std::optional<int64_t> day_of_index(std::string_view alias, std::string_view index);

}  // namespace waybill::sink
