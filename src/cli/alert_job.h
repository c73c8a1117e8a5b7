#pragma once
// Alerts in `waybill run`: one thread that evaluates rules over what is committed, and one per notifier that
// delivers.

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "alert/deliverer.h"
#include "base/time.h"
#include "cli/config.h"
#include "cli/job_parts.h"
#include "cli/stream_job.h"

namespace waybill::cli {

inline constexpr std::string_view kAlertLease = "alerts";
inline constexpr Millis kAlertLeaseTtl{10'000};

/// What the metrics say. Written by the job's threads, read by any.
struct AlertFigures {
  struct Notifier {
    std::string name, kind;
    alert::DeliveryFigures figures;
  };
  std::deque<Notifier> notifiers;  ///< in the order of the configuration; a deque because figures do not move
  std::atomic<bool> evaluates{false};  ///< this process holds the lease
  std::atomic<int64_t> pending{0}, firing{0};
  std::atomic<int64_t> overflow{0};  ///< conditions beyond alert::kAlertsMax
  std::atomic<int64_t> dropped{0};   ///< notices beyond alert::kQueueMax
  std::atomic<int64_t> evaluations{0}, failures{0};
};

/// Of all processes that share the store the one with the lease evaluates and delivers; the others say how
/// their sources are, and wait. Owns threads from start() to the destructor, which waits for a request that
/// is under way (10 s at most).
class AlertJob {
 public:
  virtual ~AlertJob() = default;
  virtual void start() = 0;
  virtual void request_stop() = 0;
  virtual const AlertFigures& figures() const = 0;
};

/// `statuses` are those of the sources of this process; it is called from any thread.
std::unique_ptr<AlertJob> make_alert_job(JobParts parts, std::function<std::vector<JobStatus>()> statuses);

/// The address that links of alerts begin with, with a '/' at the end.
std::string external_url(const Config& config);

}  // namespace waybill::cli
