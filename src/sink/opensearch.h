#pragma once
// Documents to Elasticsearch and OpenSearch.

#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/time.h"
#include "search/connection.h"
#include "sink/document_schema.h"
#include "sink/forward_sink.h"

namespace waybill::sink {

struct OpensearchSinkOptions {
  search::Server server;
  std::string alias = "audit-tmm";  ///< over indices ALIAS-yyyy.MM.dd, by the days of the records' times
  DocumentKind kind = DocumentKind::kMessages;
  int keep_days = 30;  ///< older indices are deleted, older documents refused; 0: none
  /// Added to a record's sequence: sink/version_base.h. Asked until it succeeds.
  std::function<Result<int64_t>()> version_base;
};

/// A record's key is the document's id, its value the document (a JSON object), its time the day. Written by
/// `_bulk` with `version_type=external_gte`, so that a repeat changes nothing and an old value never replaces
/// a newer one. Creates the template first. Parts that the server has no room for now (429, 503, half an
/// answer) are sent again alone; a document that it never takes is logged with its id and refused.
/// Indices that are too old are looked for every hour, in check().
std::unique_ptr<ForwardSink> make_opensearch_sink(OpensearchSinkOptions options, const Clock& clock,
                                                  LogFn log);

}  // namespace waybill::sink
