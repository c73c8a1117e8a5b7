#pragma once
// One admin request: options and a queue in, the result event out.

#include "base/time.h"
#include "source/handle.h"

namespace waybill::source {

using AdminOptionsHandle = std::unique_ptr<rd_kafka_AdminOptions_t, Free<rd_kafka_AdminOptions_destroy>>;

/// Usage: construct, call rd_kafka_X(client, ..., options(), queue()), then wait(). Bounded by the timeout.
class AdminRequest {
 public:
  AdminRequest(rd_kafka_t* client, rd_kafka_admin_op_t kind, Millis timeout);
  rd_kafka_AdminOptions_t* options() const { return options_.get(); }
  rd_kafka_queue_t* queue() const { return queue_.get(); }
  /// The result's event. Errors: kUnavailable on timeout, else the request's own.
  Result<EventHandle> wait(std::string_view what);

 private:
  QueueHandle queue_;
  AdminOptionsHandle options_;
  int timeout_ms_;
};

}  // namespace waybill::source
