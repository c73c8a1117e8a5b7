#pragma once
// The agent's own account of the hop file -> topic: what it read (tier custom:agent), sent, and got
// acknowledged.

#include <cstdint>
#include <string>

#include "base/time.h"
#include "client/recorder.h"
#include "client/reporter.h"
#include "client/transport.h"

namespace waybill::agent {

/// Used from one thread. About 100 ns a record.
class AuditTrail {
 public:
  /// `transport` outlives it.
  AuditTrail(const std::string& topic, const std::string& client_id, client::Identity identity,
             client::Transport& transport, Now now);

  /// A record was taken from a file and is about to be sent.
  void read(int64_t time_ms, uint64_t bytes, int64_t now_ms);
  void delivered(PartitionId partition, Offset offset, int64_t time_ms, uint64_t bytes, int64_t now_ms);
  /// `code` of Kafka: it will not be delivered by this process.
  void failed(int32_t code, int64_t time_ms, int64_t now_ms);
  /// Sends what is due; to be called every 20 to 200 ms.
  void tick(Now now) { reporter_.tick(now); }
  /// From now on only the last reports go out.
  void close(Now now);
  bool closed() const { return reporter_.done(); }

 private:
  client::Recorder recorder_;
  client::ClientTally* files_;
  client::ClientTally* producer_;
  client::TopicTally* files_topic_;
  client::TopicTally* producer_topic_;
  client::Reporter reporter_;
  int64_t read_ = 0;
};

}  // namespace waybill::agent
