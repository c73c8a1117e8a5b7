#include "source/admin_request.h"

#include <algorithm>

namespace waybill::source {
namespace {

constexpr int kGraceMs = 500;  ///< the request has its own time-out, which says more

}  // namespace

AdminRequest::AdminRequest(rd_kafka_t* client, rd_kafka_admin_op_t kind, Millis timeout)
    : queue_(rd_kafka_queue_new(client)),
      options_(rd_kafka_AdminOptions_new(client, kind)),
      timeout_ms_(static_cast<int>(std::clamp<int64_t>(timeout.count(), 1, 3'600'000))) {
  rd_kafka_AdminOptions_set_request_timeout(options_.get(), timeout_ms_, nullptr, 0);
}

Result<EventHandle> AdminRequest::wait(std::string_view what) {
  EventHandle event(rd_kafka_queue_poll(queue_.get(), timeout_ms_ + kGraceMs));
  if (!event) return fail(Errc::kUnavailable, std::string(what) + ": timed out");
  if (auto code = rd_kafka_event_error(event.get())) {
    return fail(errc_of(code), std::string(what) + ": " + rd_kafka_event_error_string(event.get()));
  }
  return event;
}

}  // namespace waybill::source
