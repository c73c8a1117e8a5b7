#pragma once
// Log documents of Elasticsearch and OpenSearch as a Source.

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "decode/time_zone.h"
#include "flow/source.h"
#include "search/connection.h"

namespace waybill::source {

struct OpensearchSourceOptions {
  search::Server server;
  std::string index;                   ///< names and patterns, with commas: "log4j-*"
  std::string query;                   ///< Lucene's syntax; empty: every document
  std::string time_field = "addDate";  ///< mapped as a date
  decode::Zone zone;                   ///< in which times without a zone were written
  std::vector<std::string> fields;     ///< of the document that are fetched; empty: all
  int64_t since_ms = 0;                ///< epoch ms: where to begin without a position
  Millis late{300'000};                ///< documents may become searchable so long after their time
  Millis every{1'000};                 ///< how often new documents are looked for
  Millis reread{5'000};                ///< how often the last `late` is read again; less often in quiet times
  size_t batch = 2'000;                ///< documents of a page
  bool follow = true;                  ///< false: ends at the end of what is there at the start
};

/// One partition: {server's name, index, 0}. An Offset is a document's time in ms as the server counts it,
/// and the position the newest time that was handed out, never ahead of the clock. A record's value is the
/// hit as JSON ({"_index", "_id", "_source"}), its key "INDEX/ID". Documents are handed out in the order of
/// their times; those of the last `late` again and again, so that none is missed that was searchable late: a
/// Task must drop what it has seen (flow/once_task.h). After seek(), all since `late` before that position.
///
/// The index is paged through as the server allows: Elasticsearch from 7.10 and OpenSearch from 2.4 with a
/// point in time, sorted by time and then `_shard_doc` or `_id`; older ones, and those that refuse one, with
/// a scroll. A page counts only when every shard has answered. When an index vanishes or the server forgets
/// the scroll, reading begins anew at the last time. bounds() ends above the position until all is read.
///
/// Owns a thread. Used from one other; health() from any.
std::unique_ptr<flow::Source> make_opensearch_source(OpensearchSourceOptions options,
                                                     flow::Assignments& assignments, const Clock& clock,
                                                     LogFn log);

}  // namespace waybill::source
