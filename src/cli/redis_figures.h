#pragma once
// What `redis:` shows: windows of KPIs and buckets of hops.

#include <memory>
#include <vector>

#include "base/time.h"
#include "cli/config.h"
#include "flow/store.h"
#include "sink/redis_sink.h"
#include "sink/row_outbox.h"

namespace waybill::cli {

/// Tables whose rows are named in the outbox, for the reader below.
std::vector<sink::ShownTable> redis_tables();

/// REQUIRES: Config::redis. All arguments outlive it.
std::unique_ptr<sink::FigureReader> make_redis_figures(const Config& config, flow::Store& store,
                                                       const Clock& clock);

}  // namespace waybill::cli
