#pragma once
// In-process counting: what clients send, get acknowledged and hand out (DESIGN 4.1, 5). No I/O, no clock, no
// threads.

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "client/limits.h"
#include "client/partition_tally.h"
#include "client/pending.h"
#include "client/spin_lock.h"
#include "tally/report.h"

namespace waybill::client {

class ClientTally;

/// Counting for one (client, topic). Lives until the Recorder forgets its client. All calls are thread-safe.
class TopicTally {
 public:
  TopicTally(std::string name, ClientTally& client, Shared& shared);
  ~TopicTally();
  TopicTally(const TopicTally&) = delete;
  TopicTally& operator=(const TopicTally&) = delete;

  const std::string& name() const { return name_; }
  ClientTally& client() const { return client_; }

  /// A message was accepted for sending. `time_ms`: its create time; `now_ms` is only looked at for a new
  /// bucket. About 10 ns; threads are spread over 16 stripes.
  void sent(int64_t time_ms, uint64_t bytes, int64_t now_ms);
  /// The same without knowing the time of day. False: not counted, because a bucket must be chosen; call the
  /// other.
  bool sent(int64_t time_ms, uint64_t bytes);
  /// See PartitionTally. False: beyond Limits::partitions, dropped and counted.
  bool acked(PartitionId partition, const Message& message, int64_t latency_ms, int64_t now_ms);
  bool consumed(PartitionId partition, const Message& message, int64_t now_ms);
  bool committed(PartitionId partition, Offset next);
  /// A send that failed for good with a librdkafka or Kafka error code.
  void failed(int32_t code, int64_t time_ms, tally::TimeTypeBit type, int64_t now_ms);
  /// A send that may or may not have been written.
  void unknown(int64_t time_ms, tally::TimeTypeBit type, int64_t now_ms);

 private:
  friend class Recorder;
  static constexpr size_t kStripes = 16;
  struct SentBucket {
    tally::BucketLabel label;
    uint64_t count = 0;
    uint64_t bytes = 0;
  };
  /// What the threads that hash to one stripe sent. buckets[index] is the one used last, [begin, begin +
  /// span) its times.
  struct alignas(64) Stripe {
    SpinLock lock;
    uint32_t index = 0;
    int64_t begin = 0;
    uint64_t span = 0;
    std::vector<SentBucket> buckets;
  };
  struct Table {
    explicit Table(size_t n) : cells(n) {}
    std::vector<std::atomic<PartitionTally*>> cells;
  };

  PartitionTally* partition(PartitionId id);
  PartitionTally* add_partition(PartitionId id);
  void select_sent_bucket(Stripe& stripe, int64_t time_ms, int64_t now_ms);
  void drain(Pending& out, Accumulation& buffer);
  void drain_partition(PartitionTally& partition, Pending& out, Accumulation& buffer);
  void drain_sent(Pending& out);
  void settle_unknown(Pending& out);

  const std::string name_;
  ClientTally& client_;
  Shared& shared_;
  std::unique_ptr<Stripe[]> stripes_;  ///< null for readers
  PartitionTally outcomes_;            ///< failed and unknown sends: of no partition
  std::atomic<uint64_t> dropped_{0};
  std::atomic<Table*> table_{nullptr};
  std::mutex grow_;
  std::vector<std::unique_ptr<Table>> tables_;  ///< the newest is table_; older ones may still be read
  std::vector<std::unique_ptr<PartitionTally>> partitions_;
  uint64_t sent_total_ = 0;     ///< drained so far
  uint64_t settled_total_ = 0;  ///< outcomes drained so far
  tally::BucketLabel last_sent_;
};

/// One client of the process. Lives until the Recorder forgets it. All calls are thread-safe.
class ClientTally {
 public:
  ClientTally(tally::ClientInfo info, Shared& shared) : info_(std::move(info)), shared_(shared) {}

  const tally::ClientInfo& info() const { return info_; }
  bool sends() const { return info_.kind == tally::TierKind::kProduced; }

  /// The topic's tally, made at first sight; null beyond Limits::topics (dropped messages are to be counted
  /// with drop()). `hint` is any value that tends to be the same for the same topic, such as a handle's
  /// address: with it a known topic is found without a lock. A wrong hint is harmless: names are compared.
  TopicTally* topic(const void* hint, const char* name);
  /// The same, but null for a topic that has not been seen with this hint. Lock-free.
  TopicTally* known_topic(const void* hint, const char* name) const;
  /// Messages that were not counted at all.
  void drop(uint64_t messages) { dropped_.fetch_add(messages, std::memory_order_relaxed); }
  /// The client took part in a rebalance: what it hands out from now on is a new session.
  void rebalanced() { session_.fetch_add(1, std::memory_order_relaxed); }
  uint32_t session() const { return session_.load(std::memory_order_relaxed); }
  /// The tier that its outcomes or hand-outs count for.
  tally::Tier tier() const;

 private:
  friend class Recorder;
  friend class TopicTally;
  static constexpr size_t kHints = 256;
  TopicTally* find_or_add(std::string_view name);

  const tally::ClientInfo info_;
  Shared& shared_;
  std::array<std::atomic<TopicTally*>, kHints> hints_{};
  std::atomic<uint32_t> session_{1};
  std::atomic<uint64_t> dropped_{0};
  std::atomic<uint64_t> dropped_topics_{0};
  std::atomic<bool> closed_{false};
  std::atomic<ClientTally*>* handle_ = nullptr;
  bool drained_ = false;  ///< since closed
  uint32_t sweeps_ = 0;   ///< since closed, then since retired
  bool retired_ = false;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<TopicTally>, std::less<>> topics_;
};

/// All counting of one reporter. add_client and close_client: any thread. drain: one thread at a time.
class Recorder {
 public:
  /// `bucket_ms`: width of a bucket, > 0.
  explicit Recorder(int64_t bucket_ms, const Limits& limits = {});
  ~Recorder();

  int64_t bucket_ms() const { return shared_.bucket_ms; }
  const Limits& limits() const { return shared_.limits; }

  /// Starts counting a client; `info.ref` is assigned. Null beyond Limits::clients: the caller leaves it
  /// unaudited, and the reports say so.
  ClientTally* add_client(tally::ClientInfo info);
  /// The application has let go of the client. Late calls are still counted until sweep() finds every outcome
  /// in, or has been called kPatience times. Then sends without an outcome are reported as unknown and
  /// `*handle` (when given; it must live for ever) becomes null: whoever calls the tally from other threads
  /// reads it there and stops. The tally is freed kGrace sweeps later.
  void close_client(ClientTally* client, std::atomic<ClientTally*>* handle = nullptr);
  /// Clients that were added and not forgotten.
  size_t client_count() const;
  /// Clients that were added and not closed.
  size_t open_client_count() const;

  /// Every client is closed and, as of the last drain, no send is without an outcome.
  bool all_settled() const;

  /// Moves everything since the last drain into `out`. Cost: a lock and a look per known partition, plus
  /// merging.
  void drain(Pending& out);
  /// Looks after closed clients, see close_client(); to be called about once a second, after drain(). With
  /// `final` all closed clients are settled now.
  void sweep(Pending& out, bool final = false);

  static constexpr uint32_t kPatience = 30;
  static constexpr uint32_t kGrace = 10;

 private:
  static bool settled(const ClientTally& client);

  Shared shared_;
  mutable std::mutex mutex_;
  uint32_t next_ref_ = 1;
  uint64_t refused_clients_ = 0;
  std::vector<std::unique_ptr<ClientTally>> clients_;
  Accumulation buffer_;
};

}  // namespace waybill::client
