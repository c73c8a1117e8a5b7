#pragma once
// Whole messages out of a topic and into one again, with an answer for each: what replay needs of Kafka.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "flow/source.h"
#include "source/kafka.h"

namespace waybill::source {

/// A message as it stands in the log. Null key, value and header values are told from empty ones.
struct WholeMessage {
  Offset offset;
  int64_t time_ms = -1;  ///< -1 = none
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  int64_t bytes() const;
};

struct WholeAnswer {
  std::vector<WholeMessage> messages;  ///< inside the ranges, ascending
  Offset judged_to;                    ///< below, what is not among `messages` is not in the log
  flow::Bounds bounds;
};

/// To one partition, or (partition -1) to the one that the key's hash chooses, as Java's producer does.
struct Outgoing {
  PartitionId partition{-1};
  WholeMessage message;
};

/// What became of an Outgoing.
struct Delivered {
  enum class State : uint8_t {
    kAcknowledged,  ///< by all in-sync replicas; partition and offset are known
    kFailed,        ///< it is not in the log
    kUnknown,       ///< it may be in the log
  } state = State::kUnknown;
  PartitionId partition{-1};
  Offset offset{-1};
  std::string error;
};

/// One per use: each call opens what it needs and closes it, some hundred ms. Any thread.
class Redelivery {
 public:
  static constexpr size_t kGroupsMax = 500;  ///< asked about; beyond, groups_reading says kLimit

  explicit Redelivery(KafkaCluster cluster) : cluster_(std::move(cluster)) {}

  /// The committed messages of `ranges` (ascending) of one partition, until a limit. Needs READ.
  Result<WholeAnswer> read(const flow::SourcePartition& partition, std::span<const OffsetRange> ranges,
                           const flow::ReadLimits& limits) const;
  /// Sends all and waits for their answers: idempotent producer, acks=all, in the given order. An answer for
  /// each, in order. Needs WRITE. Errors: kInvalid (configuration); nothing was sent then.
  Result<std::vector<Delivered>> send(const std::string& topic, std::span<const Outgoing> messages,
                                      Millis timeout) const;
  /// Groups that have committed positions in the topic, or members reading it. Needs DESCRIBE of groups and
  /// shows only those that may be described.
  Result<std::vector<std::string>> groups_reading(const std::string& topic, Millis timeout) const;

 private:
  KafkaCluster cluster_;
};

}  // namespace waybill::source
