#pragma once
// How reports leave the process. The Reporter knows only this.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace waybill::client {

/// The cluster that the reports go to and the partition count of its audit topic.
struct Destination {
  std::string cluster_id;
  int32_t partitions = 0;  ///< > 0
};

/// The outcome of one send().
struct Sent {
  PartitionId partition;
  bool delivered = false;
};

/// Carries bytes to partitions of one audit topic. Called by one thread at a time; no call blocks for long.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Empty while the cluster cannot be reached or has no audit topic.
  virtual std::optional<Destination> destination() = 0;
  /// Starts sending `bytes` (copied). At most one send per partition is under way. False: not now, try again
  /// later.
  virtual bool send(PartitionId partition, std::string_view bytes) = 0;
  /// Appends the outcomes since the last call. Each accepted send has exactly one, at some time.
  virtual void outcomes(std::vector<Sent>& out) = 0;
};

}  // namespace waybill::client
