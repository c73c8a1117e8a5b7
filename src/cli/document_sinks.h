#pragma once
// Which documents go to which index at Elasticsearch or OpenSearch.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/config.h"
#include "cli/job_parts.h"
#include "flow/store.h"
#include "sink/outbox_drainer.h"
#include "sink/row_outbox.h"

namespace waybill::cli {

/// A sink for each server and alias that the configuration names, and the rows of the outbox for them.
class DocumentRoutes {
 public:
  /// Appends to `sinks`. What `parts` refer to outlives these.
  DocumentRoutes(const JobParts& parts, std::vector<sink::NamedSink>& sinks);
  /// Takes the body out of the row. nullopt: it is no document, or its ledger has no index; the row is whole.
  std::optional<sink::Routed> route(flow::OutboxRow& row) const;

 private:
  std::map<std::string, size_t, std::less<>> ledgers_;  ///< by name: index in the sinks
  std::optional<size_t> hops_;
};

/// Tables whose changed rows become documents.
std::vector<sink::ShownTable> document_tables(const Config& config);

}  // namespace waybill::cli
