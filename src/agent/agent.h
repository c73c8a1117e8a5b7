#pragma once
// Log files to a topic, nothing lost: the files are the buffer, and a place in them is given up only for an
// acknowledgement.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/audit_trail.h"
#include "agent/state_file.h"
#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "flow/file_feed.h"
#include "flow/producer.h"

namespace waybill::decode {
class JsonFields;
}

namespace waybill::agent {

struct AgentOptions {
  std::string key;  ///< JSON field ("a.b" inside objects) whose text is the record's key; empty: no keys
  std::vector<std::pair<std::string, std::string>>
      headers;               ///< the same for every record; waybill-src comes last
  Millis save_every{1'000};  ///< positions, when they moved
};

struct AgentFigures {
  uint64_t records = 0;  ///< handed to the producer
  uint64_t bytes = 0;    ///< of their values
  uint64_t delivered = 0;
  uint64_t refused = 0;    ///< too large for the broker; the log has the place of each
  uint64_t unkeyed = 0;    ///< without the key's field, or no JSON: sent without a key
  uint64_t under_way = 0;  ///< sent and without an outcome
  uint64_t saves = 0;
  uint64_t saves_failed = 0;
};

/// Single-threaded: step() does a bit of everything and returns. Memory: 16 bytes for each record under way,
/// bounded by the producer, and 100 for each known file. What dies with the process is sent again by the next
/// one, under the same waybill-src; so readers with a flow::SourceDedup count exactly, others at least once.
class Agent {
 public:
  /// `trail` may be null. All outlive the agent.
  Agent(AgentOptions options, flow::FileFeed& feed, flow::Producer& producer, StateStore& state,
        AuditTrail* trail, const Clock& clock, LogFn log);
  ~Agent();

  /// Takes outcomes, sends what the feed has, saves positions that are due. Waits up to `wait` when there is
  /// nothing to do. An error: the producer can deliver no more; positions are safe, and a new Agent over a
  /// new feed goes on.
  Result<void> step(Millis wait);
  /// Takes no more from the feed; waits up to `limit` for the outcomes of what was sent, then saves. True
  /// when all outcomes came and are saved.
  bool drain(Millis limit);

  const AgentFigures& figures() const { return figures_; }

 private:
  struct Sent {
    uint64_t next = 0;    ///< position behind the record
    int64_t time_ms = 0;  ///< when it was sent, epoch; made negative by its outcome
    uint64_t bytes = 0;
  };
  /// One file's records under way, in order.
  struct Book {
    uint64_t file = 0;
    uint64_t acknowledged = 0;  ///< everything below has its outcome
    uint64_t handed = 0;        ///< the feed handed out to here
    uint64_t first = 0;         ///< number of under_way.front()
    std::deque<Sent> under_way;
  };

  void take_outcomes(Millis wait);
  void settle(const flow::Outcome& outcome, Now now);
  Result<void> check() const;
  bool send_batch();
  flow::Producer::Taken send(Book& book, const flow::FileRecord& record, Now now);
  void refuse(Book& book, Sent& sent, int32_t code, Now now);
  void advance(Book& book);
  uint32_t book_of(uint64_t file);
  bool save(Now now);

  AgentOptions options_;
  flow::FileFeed& feed_;
  flow::Producer& producer_;
  StateStore& state_;
  AuditTrail* trail_;
  const Clock& clock_;
  LogFn log_;
  std::unique_ptr<decode::JsonFields> key_;
  std::vector<flow::Header> headers_;
  std::vector<Book> books_;
  std::vector<uint32_t> free_books_;
  std::unordered_map<uint64_t, uint32_t> by_file_;
  flow::FileBatch batch_;  ///< being sent
  size_t batch_at_ = 0;
  std::vector<flow::Outcome> outcomes_;
  AgentFigures figures_;
  uint64_t ids_saved_ = 0;  ///< FileFeed::ids_given as of the last save
  bool moved_ = false;      ///< positions moved since the last save
  bool save_failed_ = false;
  int64_t next_save_ms_ = 0;
  bool failed_ = false;  ///< an outcome was a failure
};

}  // namespace waybill::agent
