#pragma once
// `forward:` of watches and `redis:` in `waybill run`: the thread that brings the outbox to its sinks.

#include <memory>

#include "cli/job_parts.h"
#include "flow/store.h"
#include "sink/outbox_drainer.h"

namespace waybill::cli {

/// Owns a thread from start() to the destructor, which stops it in seconds.
class ForwardJob {
 public:
  virtual ~ForwardJob() = default;
  virtual void start() = 0;
  virtual void request_stop() = 0;
  /// For engines: what they commit fills the outbox. Matched records are refused at watch.outbox_rows. Lives
  /// as long as this.
  virtual flow::Store& bounded_store() = 0;
  virtual const sink::OutboxFigures& figures() const = 0;
};

/// null when no watch forwards and there is no Redis. The outbox of `parts.store` is drained; `commits`,
/// which outlives the job, is what bounded_store() passes commits on to.
std::unique_ptr<ForwardJob> make_forward_job(const JobParts& parts, flow::Store& commits);

}  // namespace waybill::cli
