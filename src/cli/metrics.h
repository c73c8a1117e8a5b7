#pragma once
// GET /metrics: the figures of the API in Prometheus' text format.

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/alert_job.h"
#include "cli/stream_job.h"
#include "cli/reload_status.h"
#include "flow/store.h"
#include "sink/outbox_drainer.h"

namespace waybill::cli {

/// A family holds at most so many series; what is left out is counted in waybill_metrics_series_dropped.
inline constexpr size_t kSeriesMax = 20'000;

/// Everything comes from the store's summed rows, so that every process shows one truth, except
/// waybill_runner_*, waybill_source_*, waybill_config_* (with `reload`), the
/// forwarding's (with `outbox`) and waybill_alert_* (with `alerts`), which are this process's own.
/// Cost: three queries. Errors: those of the store.
Result<std::string> metrics_text(flow::Store& store, const std::vector<JobStatus>& statuses, Now now,
                                 const ReloadStatus* reload = nullptr,
                                 const sink::OutboxFigures* outbox = nullptr,
                                 const AlertFigures* alerts = nullptr);

}  // namespace waybill::cli
