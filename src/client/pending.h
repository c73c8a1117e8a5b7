#pragma once
// What waits to be reported: drained observations, merged per topic. Pure.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "client/limits.h"
#include "client/partition_tally.h"
#include "client/repeats.h"
#include "tally/coverage.h"
#include "tally/report.h"

namespace waybill::client {

/// A client and one of its tiers; a client has at most two (sent and produced).
struct Source {
  uint32_t client = 0;
  tally::Tier tier;
  auto operator<=>(const Source&) const = default;
};

/// Observations about one topic. Adding is commutative except for positions, of which the newest wins.
class PendingTopic {
 public:
  struct Offsets {
    tally::Coverage seen;
    tally::Coverage reordered;  ///< part of `seen` that never came in ascending order
    Repeats again;
  };
  struct Counts {
    uint64_t count = 0;
    uint64_t bytes = 0;
  };
  using OffsetsKey = std::tuple<Source, PartitionId, tally::BucketLabel, uint32_t>;

  /// Adds a bucket and returns the label that it got: `far` once `limits.buckets` normal ones of the source
  /// wait.
  tally::BucketLabel add_bucket(const Source& source, const tally::Bucket& bucket, const Limits& limits);
  /// `run.bucket` is not looked at.
  void add_run(const Source& source, PartitionId partition, tally::BucketLabel label, const Run& run);
  void add_rate(const Source& source, int64_t minute_ms, uint64_t count, uint64_t bytes);
  void set_position(const tally::Position& position);
  void drop(const tally::Dropped& dropped);

  /// Rough count of what it holds, for the bounds in Limits.
  size_t items() const { return buckets_.size() + rates_.size() + positions_.size(); }
  size_t runs() const { return runs_; }
  /// Appends all of it to `report`, whose clients are left alone.
  void append_to(tally::Report& report, const std::string& topic) const;

 private:
  std::map<std::pair<Source, tally::BucketLabel>, tally::Bucket> buckets_;
  std::map<OffsetsKey, Offsets> offsets_;
  std::map<std::pair<Source, int64_t>, Counts> rates_;
  std::map<std::pair<uint32_t, PartitionId>, tally::Position> positions_;
  tally::Dropped dropped_;
  size_t runs_ = 0;  ///< runs and repeat borders in offsets_
};

/// Observations about all topics of a recorder. Owned by one Reporter. Not thread-safe.
class Pending {
 public:
  explicit Pending(const Limits& limits) : limits_(limits) {}

  /// Adds what `source` saw in one partition. Beyond the limits it is dropped and counted.
  void add(const std::string& topic, const Source& source, PartitionId partition,
           const Accumulation& gathered);
  void add_bucket(const std::string& topic, const Source& source, const tally::Bucket& bucket);
  void set_position(const tally::Position& position);
  void drop(const std::string& topic, const tally::Dropped& dropped) { topics_[topic].drop(dropped); }
  /// Makes a client's facts known, for the reports that name it.
  void know(const tally::ClientInfo& client) { clients_.try_emplace(client.ref, client); }
  /// Drops that no topic can be named for: every audit partition hears of them.
  void drop_unnamed(const tally::Dropped& dropped);

  bool empty() const { return topics_.empty() && !unnamed_.any(); }
  const std::map<std::string, PendingTopic>& topics() const { return topics_; }
  /// The audit partitions, of `count`, that something waits for.
  std::set<PartitionId> partitions(int32_t count) const;
  const tally::Dropped& unnamed() const { return unnamed_; }

  /// Removes and appends to `report` everything that belongs to audit partition `partition` of `count`, with
  /// the clients that it names.
  void take(PartitionId partition, int32_t count, tally::Report& report);
  void clear_unnamed() { unnamed_ = {}; }

 private:
  bool room_for_item() const;
  void name_clients(tally::Report& report);

  const Limits limits_;
  std::map<std::string, PendingTopic> topics_;
  std::map<uint32_t, tally::ClientInfo> clients_;
  tally::Dropped unnamed_;
};

}  // namespace waybill::client
