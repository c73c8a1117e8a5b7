#pragma once
// Turns what a Recorder gathers into numbered reports (DESIGN 4.5). No thread, no clock, no I/O of its own.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "client/pending.h"
#include "client/recorder.h"
#include "client/transport.h"
#include "tally/report.h"

namespace waybill::client {

/// Who reports; the same in every report.
struct Identity {
  Id128 reporter;
  std::string data_center;
  std::string host;
  std::string ip;
  std::string service;
  uint64_t pid = 0;
};

/// When to report, in ms of the steady clock.
struct Schedule {
  int64_t report_ms = 1000;     ///< at most this often per audit partition, when something changed
  int64_t heartbeat_ms = 2000;  ///< at least this often to each audit partition written to before
  int64_t retry_ms = 250;       ///< pause before the same bytes are sent again
};

/// One reporter: numbers per audit partition from 1 without gaps; a number is bound to its bytes; the same
/// bytes are sent until acknowledged, one in flight per audit partition, while new observations gather for
/// the next number. Every report that is not the first part of a split one holds all that was recorded before
/// the acknowledgement of its predecessor, which is what the barrier of DESIGN 4.1 rests on. Not thread-safe;
/// the Recorder may be in use.
class Reporter {
 public:
  Reporter(Recorder& recorder, Transport& transport, Identity identity, Schedule schedule, Now start);

  /// Does what is due: takes outcomes, drains, seals and sends. Returns the steady time of the next wanted
  /// call.
  int64_t tick(Now now);
  /// Whatever is recorded by now goes out as soon as the reports before it are acknowledged, not after the
  /// interval.
  void flush(Now now);
  /// From now on: one last report, marked closed, to each audit partition that has ever been or must still be
  /// written to. Nothing recorded later is reported.
  void close(Now now);
  bool closed() const { return closing_; }
  /// Nothing recorded before the last flush() or close() waits for delivery.
  bool flushed() const;
  /// Closed and all delivered, or there never was a destination to deliver to and nothing to say.
  bool done() const;
  /// Reports sealed and not yet acknowledged.
  size_t undelivered() const;
  const Identity& identity() const { return identity_; }

 private:
  static constexpr int64_t kLongAgo = INT64_MIN / 4;

  /// One audit partition.
  struct Lane {
    uint64_t next_number = 1;
    std::deque<std::string> sealed;  ///< front: in flight or to be sent next
    bool in_flight = false;
    bool closed = false;
    int64_t not_before = kLongAgo;  ///< steady: earliest send of the front
    int64_t last_seal = kLongAgo;   ///< steady
    int64_t complete_up_to_ms = 0;  ///< wall
    tally::Dropped dropped;         ///< what no topic can be named for
  };

  void take_outcomes(Now now);
  void drain(Now now);
  void seal_due(Now now);
  void seal(PartitionId partition, Lane& lane, Now now);
  void send_waiting(Now now);
  bool due(const Lane& lane, bool has_content, Now now) const;
  int64_t next_call(Now now) const;

  Recorder& recorder_;
  Transport& transport_;
  const Identity identity_;
  const Schedule schedule_;
  const int64_t start_wall_ms_;
  std::optional<Destination> destination_;
  Pending pending_;
  std::map<PartitionId, Lane> lanes_;
  std::vector<Sent> outcomes_;
  int64_t last_drain_ = kLongAgo;
  bool closing_ = false;
  bool flushing_ = false;
};

}  // namespace waybill::client
