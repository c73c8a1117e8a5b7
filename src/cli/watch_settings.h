#pragma once
// What `watches:` says, as part of the Config.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "source/kafka.h"
#include "watch/redact.h"
#include "watch/rule_set.h"

namespace waybill::cli {

/// Topics of a cluster, files, or the standard input.
struct WatchSource {
  std::string cluster;  ///< empty: no topics
  std::vector<std::string> topics;
  source::StartAt start{source::StartAt::Kind::kEnd, 0};  ///< for partitions and files without a position
  std::vector<std::string> files;                         ///< paths and globs
  std::vector<std::string> exclude;                       ///< globs
  std::string standard_input;                             ///< what the standard input is called
};

/// Where the matched records go as they are.
struct WatchForward {
  std::string cluster, topic;  ///< a Kafka topic; or
  std::string syslog;          ///< "udp://host:514", "tcp://host:601"
  auto operator<=>(const WatchForward&) const = default;
};

struct WatchDefinition {
  watch::Rule rule;  ///< its name is the watch's
  std::vector<WatchSource> sources;
  Millis window{60'000};
  int64_t threshold = 1;  ///< matches in a window that are too many, per value of `by`
  Millis pending_for{0};  ///< `for`: so long before it fires
  int64_t samples = 3;    ///< kept per window, partition
  enum class Severity { kInfo, kWarning, kCritical } severity = Severity::kWarning;
  std::vector<std::string> notify;  ///< names of notifiers
  std::optional<WatchForward> forward;
};

struct WatchConfig {
  std::vector<WatchDefinition> definitions;  ///< in the order of the file
  std::string group = "waybill-watch";       ///< consumer group
  int64_t outbox_rows = 100'000;             ///< records that wait to be forwarded; beyond, reading pauses
  watch::RedactRules redact;                 ///< of samples, before they are stored
  std::string standard_input;                ///< its name, when a watch reads it
};

}  // namespace waybill::cli
