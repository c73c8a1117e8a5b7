#pragma once
// Collects what changes until the next flush and turns it into rows of tables.h. Holds no state beyond that.
// Pure.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "audit/reporter_book.h"
#include "audit/sums.h"
#include "flow/rows.h"
#include "tally/bucket.h"
#include "tally/report.h"

namespace waybill::audit {

/// The last known values of audit_partition; -1 = unknown.
struct PartitionFacts {
  int64_t next = -1, high = -1, committed = -1, log_start = -1, log_end = -1;
  int64_t oldest_unread_ms = 0;
  int64_t updated_ms = 0;
};

/// One side of one partition: `group` empty = the produce side. Partition -1 holds what a topic counts
/// without an offset.
struct PartitionKey {
  TopicIndex topic = 0;
  int64_t incarnation = 0;
  PartitionId partition;
  std::string group;
  auto operator<=>(const PartitionKey&) const = default;
};

struct BucketKey {
  TopicIndex topic = 0;
  tally::BucketLabel label;
  std::string group;
  auto operator<=>(const BucketKey&) const = default;
};

/// A range with a state, as audit_finding shows it.
struct Finding {
  Offset first, last;
  std::string_view state;
  std::string_view reason;
  tally::BucketLabel label;
  int64_t times = 0;        ///< added to what is there
  int64_t verified_ms = 0;  ///< audit time at which the broker was asked; 0 = it was not
  std::string_view detail = {};
  int64_t lost_ms = 0;        ///< audit time at which it was found lost; 0 = it never was
  std::string decision = {};  ///< id of the decision that closed it, in hex
  int64_t to_partition = -1;  ///< replayed: where `first` is now
  int64_t to_offset = -1;
};

class RowBuffer {
 public:
  /// `hops`: rows of hop_table() too.
  struct Options {
    std::string cluster;
    int32_t audit_partition = 0;
    int64_t bucket_ms = 60'000;
    bool hops = false;
  };
  explicit RowBuffer(Options options)
      : cluster_(std::move(options.cluster)),
        audit_partition_(options.audit_partition),
        bucket_ms_(options.bucket_ms),
        keep_hops_(options.hops) {}

  void bucket(const BucketKey& key, const Sums& sums) { buckets_[key].sums += sums; }
  /// The part of an Entry that is kept per bucket beside its sums.
  void latency(const BucketKey& key, const tally::Bucket& bucket);
  /// What a reporter counted at a tier.
  void hop(const BucketKey& key, tally::TierKind tier, const Id128& reporter, const tally::Bucket& bucket);
  void partition(const PartitionKey& key, const Sums& sums) { partitions_[key] += sums; }
  void failed(TopicIndex topic, int32_t code, int64_t count) { failed_[{topic, code}] += count; }
  void rate(TopicIndex topic, const tally::Rate& rate, const std::string& group, const Id128& reporter);
  void count(std::string_view counter, int64_t n = 1);
  void reporter(const Id128& id, int64_t reports, int64_t dropped);
  /// `topic` empty = every topic of the audit partition.
  void incomplete(const std::string& topic, const IncompleteChange& change);
  /// A row that is complete, of any table.
  void row(flow::RowChange change) { ready_.push_back(std::move(change)); }
  void finding(const std::string& topic, const PartitionKey& key, const Finding& finding, int64_t found_ms);
  void erase_finding(const std::string& topic, const PartitionKey& key, Offset first, std::string_view state);

  /// What the rows need from the collector's state.
  struct Lookup {
    std::function<const std::string&(TopicIndex)> topic;
    std::function<PartitionFacts(const PartitionKey&)> facts;
    std::function<bool(const BucketKey&, int64_t width_ms)> settled;
    std::function<const Reporter*(const Id128&)> reporter;
  };
  /// Appends all rows, in a fixed order, and empties the buffer.
  void flush(const Lookup& lookup, flow::Rows& rows);
  void clear();
  bool empty() const;
  size_t bytes() const;  ///< roughly what flush() would write

 private:
  struct BucketDelta {
    Sums sums;
    tally::LatencySketch latency;
    int64_t time_create = 0;
    int64_t time_append = 0;
  };
  using RateKey = std::tuple<TopicIndex, int64_t, std::string, std::string, Id128>;
  struct HopDelta {
    int64_t count = 0;
    tally::LatencySketch latency;
  };
  using HopKey = std::tuple<BucketKey, tally::TierKind, Id128>;
  void flush_hops(const Lookup& lookup, flow::Rows& rows);
  void flush_buckets(const Lookup& lookup, flow::Rows& rows);
  void bucket_row(const flow::TableSpec& table, const BucketKey& key, int64_t width_ms,
                  const BucketDelta& delta, const Lookup& lookup, flow::Rows& rows);
  void flush_partitions(const Lookup& lookup, flow::Rows& rows);
  void flush_reporters(const Lookup& lookup, flow::Rows& rows);

  std::string cluster_;
  int32_t audit_partition_;
  int64_t bucket_ms_;
  bool keep_hops_;
  std::map<BucketKey, BucketDelta> buckets_;
  std::map<HopKey, HopDelta> hops_;
  std::map<PartitionKey, Sums> partitions_;
  std::map<std::pair<TopicIndex, int32_t>, int64_t> failed_;
  std::map<RateKey, std::pair<int64_t, int64_t>> rates_;
  std::map<std::string, int64_t, std::less<>> counters_;
  std::map<Id128, std::pair<int64_t, int64_t>> reporters_;  ///< new reports, newly dropped messages
  flow::Rows ready_;  ///< findings and incomplete, in the order of their making
};

}  // namespace waybill::audit
