#pragma once
// Where matched records go to.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace waybill::sink {

/// One record of the outbox, as it was read from its topic.
struct ForwardRecord {
  int64_t sequence = 0;  ///< of the outbox row, from 1
  std::string watch;
  std::string cluster, topic;
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t time_ms = 0;  ///< epoch ms
  int severity = 6;     ///< of syslog (RFC 5424), 0 to 7
  bool has_key = false;
  std::string key;  ///< looked at when has_key
  std::string value;
};

struct Delivery {
  size_t done = 0;             ///< so many from the front need not be sent again
  size_t refused = 0;          ///< of those: the sink will never take them, they are given up
  std::optional<Error> error;  ///< why the rest is not done; nullopt: it may be sent again at once
};

/// Used from one thread. What is not done is offered again, in the same order: a record may arrive twice.
class ForwardSink {
 public:
  virtual ~ForwardSink() = default;
  /// Waits up to `wait` for acknowledgements. REQUIRES: sequences grow, also from call to call, except that
  /// what was not done begins again.
  virtual Delivery deliver(std::span<const ForwardRecord> records, Millis wait) = 0;
};

}  // namespace waybill::sink
