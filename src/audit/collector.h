#pragma once
// The collector: reports of one audit partition -> counts, coverage, ranges (DESIGN 4.1, 4.2, 4.5). A pure
// flow::Task.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "flow/task.h"

namespace waybill::audit {

/// How suspected ranges are verified at the broker.
struct VerifyOptions {
  enum class Mode : uint8_t {
    kFull,    ///< every offset of ranges of up to messages_max, longer ones at both ends and by sample
    kSample,  ///< ranges of more than 1,000 offsets at both ends and by sample
    kOff,     ///< nothing is read; what is suspected stays so, with the reason beyond_budget
  };
  Mode mode = Mode::kFull;
  int64_t bytes_per_second_max = 1 << 20;  ///< read from the broker per audit partition; beyond, ranges wait
  int64_t messages_max = 100'000;          ///< longer ranges are read at both ends and by sample
  int64_t past_end_hold_ms = 30'000;       ///< replicas may lag: before, past the end of the log is no loss
};

struct CollectorOptions {
  std::string cluster;  ///< configured name; first key of every row
  int32_t audit_partitions =
      16;  ///< of the audit topic; a report that hashed with another count is refused and named
  int64_t bucket_ms = 60'000;      ///< widths that divide it are folded, others refused and named
  int64_t grace_ms = 10'000;       ///< after a bucket's end before it is settled
  int64_t vanished_ms = 10'000;    ///< silence after which a reporter counts as vanished
  int64_t lag_every_ms = 5'000;    ///< how often broker positions and ages are asked for
  int32_t topics_max = 1'000;      ///< per audit partition; beyond: counted as overflow, figures incomplete
  int32_t groups_max = 100;        ///< per topic
  int32_t reporters_max = 10'000;  ///< open at once per audit partition
  int64_t ranges_max = 1'000'000;  ///< missing ranges per audit partition
  int64_t log_bytes_min = 256 << 10;  ///< stored log below this is never folded into a checkpoint
  VerifyOptions verify = {};
  int64_t owes_ms = 24LL * 3600 * 1000;  ///< a topic that a group has left for so long is owed nothing more
  std::vector<std::string> include_groups;  ///< audit.groups; empty = all
  std::vector<std::string> exclude_groups;
  bool hops = false;  ///< rows of hop_table() are written
};

/// REQUIRES: exactly one partition, of the audit topic.
std::unique_ptr<flow::Task> make_collector(const CollectorOptions& options, const flow::TaskId& id,
                                           std::span<const flow::SourcePartition> partitions);

}  // namespace waybill::audit
