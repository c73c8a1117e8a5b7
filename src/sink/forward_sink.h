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

/// One record of the outbox, as it was read from its topic; or, with `table`, the name of a row that changed
/// (sink/row_outbox.h), as `key`.
struct ForwardRecord {
  int64_t sequence = 0;  ///< of the outbox row, from 1
  std::string table{};
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

enum class SinkState : uint8_t {
  kUnknown,  ///< deliver() will tell
  kReady,
  kCatchingUp,  ///< call check() again at once; nothing is delivered before
};

/// How much a sink is offered at once: records are added while there are fewer of them and of their bytes.
struct OfferBound {
  size_t records = 1'024;
  size_t bytes = 2 << 20;  ///< keys, values and the records themselves
};

/// Used from one thread. What is not done is offered again, in the same order and with more behind it: a
/// record may arrive twice.
class ForwardSink {
 public:
  virtual ~ForwardSink() = default;
  virtual OfferBound offer_bound() const { return {}; }
  /// Waits up to `wait` for acknowledgements. With neither an error nor anything done, all is under way.
  /// REQUIRES: sequences grow, also from call to call, except that what was not done begins again.
  virtual Delivery deliver(std::span<const ForwardRecord> records, Millis wait) = 0;
  /// Called before records are delivered: about once a second, and after every failure. All rows up to
  /// `done_to` count as delivered: a sink that shows values finds out whether it has them, and fetches what
  /// it lacks, for about `wait` at a time.
  virtual Result<SinkState> check(int64_t done_to, Millis wait) {
    (void)done_to;
    (void)wait;
    return SinkState::kUnknown;
  }
  /// Another process may have delivered since the last call of anything.
  virtual void begin() {}
  /// From any thread: a call that is under way ends soon, and so does each later one.
  virtual void interrupt() {}
};

}  // namespace waybill::sink
