#pragma once
// Reads all partitions of a topic without a group, for commands that print.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/config.h"

namespace waybill::cli {

struct TopicRecord {
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t time_ms = 0;
  std::string_view value;  ///< dies with the call
};

struct TopicReaderOptions {
  ClusterConfig cluster;
  std::string topic;
  std::optional<int64_t> from_ms;  ///< first record time; absent = the oldest
  bool follow = false;             ///< go on at the end
};

/// Calls `each` for every record up to the end of each partition as it was at the start (with `follow`: for
/// ever), and `go_on(idle)` at least every 200 ms and after each record; false from either ends the reading
/// without an error. Errors: kInvalid (configuration), kNotFound (no such topic), kDenied, kUnavailable.
Result<void> read_topic(const TopicReaderOptions& options,
                        const std::function<bool(const TopicRecord&)>& each,
                        const std::function<bool(bool idle)>& go_on);

}  // namespace waybill::cli
