#pragma once
// A report: what one reporter adds since its last one (DESIGN 4.5). Values only; the bytes are in
// report_codec.h and are specified by proto/waybill/v1/report.proto. Pure.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"
#include "tally/bucket.h"

namespace waybill::tally {

/// The newest report format that this build reads and writes.
inline constexpr uint32_t kReportVersion = 1;
/// A report's bytes never exceed this; the reporter splits into several numbers before.
inline constexpr size_t kReportBytesMax = 512 * 1024;
/// Longest topic name that a report may carry (Kafka's own limit is 249). A reporter counts longer ones in
/// Dropped::topics.
inline constexpr size_t kTopicBytesMax = 1000;

enum class TierKind : uint8_t { kSent = 1, kProduced = 2, kConsumed = 3, kStored = 4, kCustom = 5 };

/// A point where messages are counted. `name`: the group for kConsumed (empty = a reader without group.id:
/// counted, never judged), the cluster for kStored, the custom name for kCustom, else empty.
struct Tier {
  TierKind kind = TierKind::kProduced;
  std::string name;
  auto operator<=>(const Tier&) const = default;
};

/// Facts about a client that change how its figures may be read. Bit set.
enum ClientFlag : uint32_t {
  kTransactional = 1u << 0,   ///< has transactional.id: acknowledged does not mean committed
  kAcksZero = 1u << 1,        ///< acks=0: no trustworthy offset
  kOldBatchClient = 1u << 2,  ///< librdkafka < 2.1: the batch call may hand over messages it then discards
  kIdempotent = 1u << 3,
  kReadUncommitted = 1u << 4,
  kTransactionalReader = 1u << 5,  ///< reserved
};

/// One client of the reporting process. `ref` is stable for the life of the process and names the client in
/// entries, coverage, positions and rates. A report carries every client that it refers to.
struct ClientInfo {
  uint32_t ref = 0;
  std::string client_id;
  TierKind kind = TierKind::kProduced;  ///< kProduced, kConsumed or kCustom
  std::string group;                    ///< group.id, empty when none
  std::string instance;                 ///< group.instance.id or transactional.id, empty when none
  uint32_t flags = 0;                   ///< ClientFlag bits
  std::string library;                  ///< e.g. "librdkafka 2.0.2"
  bool operator==(const ClientInfo&) const = default;
};

/// Additions to one bucket of one (client, tier, topic).
struct Entry {
  uint32_t client = 0;
  Tier tier;
  std::string topic;
  Bucket bucket;
  bool operator==(const Entry&) const = default;
};

/// Offsets that were handed out `times` more often than once since the last report.
struct Repeat {
  OffsetRange range;
  uint64_t times = 1;  ///< extra hand-outs of each offset in the range, >= 1
  bool operator==(const Repeat&) const = default;
};

/// Offsets seen since the last report by one client in one partition whose messages belong to one bucket. An
/// offset appears in `seen` once, whatever the number of hand-outs; more hand-outs within this report are in
/// `again`.
struct CoverageChunk {
  uint32_t client = 0;
  Tier tier;
  std::string topic;
  PartitionId partition;
  BucketLabel label;              ///< the bucket that the messages' times fall into
  uint32_t session = 0;           ///< see Position::session; 0 for producers
  std::vector<OffsetRange> seen;  ///< sorted, disjoint, not touching, not empty
  std::vector<Repeat> again;      ///< sorted by range.begin, disjoint, inside `seen`
  /// The part of `seen` that this session was only handed below an offset that it had been handed before.
  /// The reader says it, because reports that overtake each other would make it look so. As `seen`.
  std::vector<OffsetRange> reordered = {};
  bool operator==(const CoverageChunk&) const = default;
};

/// Where one consumer stands in one partition at the end of this report.
struct Position {
  uint32_t client = 0;
  std::string topic;
  PartitionId partition;
  uint32_t session =
      0;  ///< counts from 1; grows with every rebalance that this client saw (JoinGroup answered)
  Offset session_first;  ///< first offset handed out in this session; -1 when none yet
  Offset next;           ///< one past the offset handed out last; -1 when none yet
  Offset high;           ///< one past the highest offset handed out in this session; -1 when none yet
  Offset
      committed;  ///< newest committed position (the next to read); -1 when this client never committed here
  int64_t last_time_ms = 0;  ///< record time of the message at high - 1; 0 when unknown
  bool operator==(const Position&) const = default;
};

/// Messages per wall-clock minute of the reporter, because a backlog is consumed now while its messages are
/// old.
struct Rate {
  uint32_t client = 0;
  Tier tier;
  std::string topic;
  int64_t minute_ms = 0;  ///< epoch ms, multiple of 60,000
  uint64_t count = 0;
  uint64_t bytes = 0;
  bool operator==(const Rate&) const = default;
};

/// What caps made this reporter drop since its last report. Any non-zero field makes the collector say
/// incomplete.
struct Dropped {
  uint64_t messages = 0;  ///< messages not counted at all
  uint64_t coverage = 0;  ///< messages counted but missing from coverage
  uint64_t topics = 0;    ///< topics beyond the cap
  bool any() const { return messages || coverage || topics; }
  bool operator==(const Dropped&) const = default;
};

struct Report {
  uint32_t version = kReportVersion;
  Id128 reporter;
  ReportNumber number;           ///< from 1 per (reporter, cluster, audit partition)
  int32_t audit_partitions = 0;  ///< partition count of the audit topic that the reporter hashed with
  int64_t from_ms = 0;           ///< reporter's wall clock: start of what this report covers
  int64_t complete_up_to_ms =
      0;                ///< reporter's wall clock: all that was seen before is in this or an earlier number
  bool closed = false;  ///< the last report of this reporter to this audit partition
  std::string cluster_id;
  std::string data_center;
  std::string host;
  std::string ip;
  std::string service;
  uint64_t pid = 0;
  int64_t bucket_ms = 60'000;
  std::vector<ClientInfo> clients;
  std::vector<Entry> entries;
  std::vector<CoverageChunk> coverage;
  std::vector<Position> positions;
  std::vector<Rate> rates;
  Dropped dropped;
  bool operator==(const Report&) const = default;
};

}  // namespace waybill::tally
