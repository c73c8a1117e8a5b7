#pragma once
// Where records go to, one acknowledgement each.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "flow/record.h"

namespace waybill::flow {

struct OutRecord {
  std::string_view key;  ///< looked at when has_key
  bool has_key = false;
  std::string_view value;
  std::span<const Header> headers;
  int64_t time_ms = 0;  ///< epoch ms, the record's create time
  uint64_t token = 0;   ///< comes back with the outcome
};

struct Outcome {
  enum class Kind : uint8_t {
    kDelivered,  ///< every replica that must has it
    kRefused,    ///< no broker will ever take it (too large): sending it again is no use
    kFailed,     ///< not delivered; nothing sent later to its partition may be taken for delivered in order
  };
  uint64_t token = 0;
  Kind kind = Kind::kDelivered;
  PartitionId partition;
  Offset offset;
  int32_t code = 0;  ///< of Kafka, when not delivered
};

/// To one topic, in the order of sending per key. Used from one thread.
class Producer {
 public:
  enum class Taken : uint8_t {
    kYes,
    kFull,     ///< the bound on what is under way is reached: poll() and try again
    kRefused,  ///< too large, there is no outcome
  };
  virtual ~Producer() = default;
  /// Copies the record.
  virtual Taken send(const OutRecord& record) = 0;
  /// Waits up to `wait` for outcomes and appends those there are.
  virtual void poll(Millis wait, std::vector<Outcome>& out) = 0;
  /// Set when nothing can be delivered any more with this object.
  virtual std::optional<Error> failed() const = 0;
};

}  // namespace waybill::flow
