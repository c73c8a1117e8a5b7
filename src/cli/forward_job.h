#pragma once
// `forward:` of watches and `redis:` in `waybill run`: the thread that brings the outbox to its sinks.

#include <memory>

#include "base/log.h"
#include "base/time.h"
#include "cli/config.h"
#include "flow/store.h"
#include "sink/outbox_drainer.h"

namespace waybill::cli {

/// Owns a thread from start() to the destructor, which stops it in seconds.
class ForwardJob {
 public:
  struct Parts {
    const Config& config;
    flow::Store& store;    ///< whose outbox is drained
    flow::Store& commits;  ///< what bounded_store() passes commits on to
    const Clock& clock;
    flow::OwnerId owner;
    LogFn log;
  };
  virtual ~ForwardJob() = default;
  virtual void start() = 0;
  virtual void request_stop() = 0;
  /// For engines: what they commit fills the outbox. Matched records are refused at watch.outbox_rows. Lives
  /// as long as this.
  virtual flow::Store& bounded_store() = 0;
  virtual const sink::OutboxFigures& figures() const = 0;
};

/// null when no watch forwards and there is no Redis. What `parts` refer to outlives it.
std::unique_ptr<ForwardJob> make_forward_job(ForwardJob::Parts parts);

}  // namespace waybill::cli
