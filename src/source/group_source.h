#pragma once
// A flow::Source over Kafka: a member of a consumer group, or (whole) every partition of some topics.
//
// Two queues. librdkafka's consumer queue carries rebalances, errors and commit results; it is read as
// events. Every partition's fetch queue is forwarded to a queue of our own, which
// rd_kafka_consume_callback_queue reads: that call drops outdated messages, but aborts the process when it
// meets a rebalance, so the two must not mix.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/handle.h"
#include "source/health_notes.h"
#include "source/kafka.h"
#include "source/record_arena.h"

namespace waybill::source {

/// What we know of one owned partition. `filled` runs ahead of `delivered` by what is in the arena.
struct PartitionState {
  static constexpr int64_t kUnset = -1;  ///< only until start_fetching
  flow::SourcePartition id;
  int64_t filled = kUnset;     ///< offsets below were copied into the arena or are not wanted
  int64_t delivered = kUnset;  ///< next offset to hand to the caller
  int64_t committed = kUnset;  ///< the group's position at assignment
  bool fetching = false;       ///< assigned in librdkafka
  bool paused = false;
  bool told = false;           ///< the caller was given a batch, so it knows where reading stands
  int64_t looked_at = kUnset;  ///< `delivered` when upkeep looked last
  int64_t still_since_ms = 0;  ///< steady; since then it has not moved, or was asked for
  int64_t end = kUnset;        ///< of the log, when it was asked for last
};

/// A position that the log does not have, until it is clear what happened to it.
struct LostPosition {
  int64_t next_try_ms = 0;
  int64_t beyond_since_ms = 0;  ///< first time the log was seen to end below the position; 0 = not
};

class GroupSource final : public flow::Source {
 public:
  GroupSource(KafkaSourceOptions options, flow::Assignments& assignments, const Clock& clock, LogFn log);
  ~GroupSource() override;
  Result<void> open();

  Result<flow::Batch> poll(Millis wait) override;
  Result<void> seek(const flow::SourcePartition& partition, Offset next) override;
  void pause(const flow::SourcePartition& partition) override;
  void resume(const flow::SourcePartition& partition) override;
  Result<flow::Bounds> bounds(const flow::SourcePartition& partition) override;
  void publish(std::span<const std::pair<flow::SourcePartition, Offset>> positions,
               std::string_view metadata) override;
  flow::SourceHealth health() const override;
  void close() override;

 private:
  using Partitions = std::map<flow::SourcePartition, std::unique_ptr<PartitionState>>;

  // group_source.cc: reading
  bool next_batch(flow::Batch& batch);
  void fill(Millis wait);
  void consume(Millis wait);
  void wake_fetching();
  static void on_message(rd_kafka_message_t* message, void* self);
  void accept(const rd_kafka_message_t& message);
  void on_fetch_error(const rd_kafka_message_t& message);
  PartitionState* find(const char* topic, int32_t partition);
  void forget_unread(PartitionState& state);
  Result<void> seek_now(PartitionState& state, int64_t offset);

  // group_events.cc: rebalances, errors, commit results, upkeep
  void serve_events(rd_kafka_queue_t* queue, Millis wait);
  void on_event(rd_kafka_event_t* event);
  void on_rebalance(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t* list);
  void on_error(rd_kafka_event_t* event);
  std::string group_error(rd_kafka_resp_err_t code, std::string_view text) const;
  void on_commit(rd_kafka_event_t* event);
  void upkeep();
  void wake_still(int64_t now_ms);
  std::vector<PartitionState*> ask_for_more(const std::vector<PartitionState*>& states);
  void probe_brokers();
  void find_lost_position(PartitionState& state, LostPosition& lost, int64_t now_ms);
  void degrade(std::string_view subject, std::string_view text);
  void recovered(std::string_view subject);
  void refresh_health();
  bool dies_when_destroyed() const;

  // group_assign.cc: taking and leaving partitions
  bool take_waiting();
  bool read_committed_positions(const std::vector<flow::SourcePartition>& partitions);
  bool resolve_start(const std::vector<PartitionState*>& states, int64_t time);
  bool times_are_known(const std::vector<PartitionState*>& states);
  bool start_fetching(const std::vector<PartitionState*>& states);
  void forward(const PartitionState& state);
  bool assign(const std::vector<PartitionState*>& states);
  bool restart(PartitionState& state, int64_t offset);
  void leave(const std::vector<flow::SourcePartition>& partitions, flow::RevokeReason reason);
  void end_pauses(const std::vector<PartitionState*>& states);
  void unassign(const std::vector<PartitionState*>& states);
  void schedule_retry();
  void find_all_partitions();
  bool incremental() const;

  KafkaSourceOptions options_;
  flow::Assignments& assignments_;
  const Clock& clock_;
  LogFn log_;

  ClientHandle client_;
  QueueHandle events_;    ///< librdkafka's consumer queue
  QueueHandle messages_;  ///< fetch queues of all owned partitions

  Partitions partitions_;
  /// Owned partitions that are not fetched yet have fetching == false; the next attempt for them:
  int64_t take_at_ms_ = 0;
  int64_t take_backoff_ms_ = 0;
  std::map<flow::SourcePartition, LostPosition> lost_positions_;
  int64_t upkeep_at_ms_ = 0;
  int64_t discover_at_ms_ = 0;  ///< whole: next look at the topics' partitions
  int64_t heard_ms_ = 0;        ///< steady; last time that something was fetched
  int64_t probe_at_ms_ = 0;
  int unanswered_ = 0;  ///< probes in a row
  int64_t still_looked_ms_ = 0;
  std::optional<Error> stop_;  ///< this member must stop
  bool closed_ = false;
  bool assigned_once_ = false;

  RecordArena arena_;
  bool starving_ = false;  ///< the arena was full; once it is empty, fetching may sleep
  const rd_kafka_topic_t* last_topic_ = nullptr;  ///< cache of find(), valid within one poll
  int32_t last_partition_ = -1;
  PartitionState* last_state_ = nullptr;
  std::vector<std::pair<flow::SourcePartition, std::string>>
      fetch_errors_;  ///< of this poll; partition -1: none

  HealthNotes notes_;
  mutable std::mutex health_mutex_;
  flow::SourceHealth health_;
};

}  // namespace waybill::source
