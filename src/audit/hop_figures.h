#pragma once
// Buckets of hops as figures for sinks: the produced side and each group of a topic.

#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"
#include "flow/figure.h"
#include "flow/store.h"

namespace waybill::audit {

/// Figures hop:CLUSTER:TOPIC:GROUP:START (group empty = the produced side) of one bucket, with what the API
/// says of it. None when there is no such bucket.
Result<void> hop_figures(flow::Store& store, const std::string& cluster, const std::string& topic,
                         int64_t start_ms, const flow::TakeFigure& take);

/// The same of every bucket that begins at `from_ms` or later. The store outlives it.
std::unique_ptr<flow::FigureScan> all_hop_figures(flow::Store& store, int64_t from_ms);

}  // namespace waybill::audit
