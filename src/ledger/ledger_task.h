#pragma once
// A ledger over a stream: LineReader and Shard as a flow::Task, with deadlines, state and rows.

#include <memory>
#include <string>
#include <vector>

#include "flow/task.h"
#include "ledger/format.h"
#include "ledger/roster.h"

namespace waybill::ledger {

struct LedgerTaskOptions {
  std::string ledger;                   ///< its name: first key of all rows
  std::string part;                     ///< tells the tasks of one ledger apart
  std::vector<ProducerName> producers;  ///< configured
  bool discover = true;
  LineFormat format{};
  int64_t deadline_ms = 600'000;
  int64_t horizon_ms = 7'200'000;  ///< >= deadline_ms
  int64_t bucket_ms = 60'000;
  uint64_t seed = 0;            ///< secret; a stored one goes first
  int64_t produced_from = 0;    ///< messages produced before (epoch ms) are ignored
  size_t batch_lines = 256;
  bool documents = false;         ///< each message and consumer goes to the outbox (ledger/documents.h)
  bool keyed_places = false;      ///< malformed lines are named by their records' keys instead of offsets
  static constexpr int64_t kMalformedMax = 1000;  ///< rows of malformed lines that a task ever writes
};

/// Plans: kAligned where produce and consume logs are keyed by the message's id, else kWhole. The time of the
/// stream is the watermark, or the wall clock when everything is read; it never goes back. A message is due
/// `deadline` after its first line was read in that time; what is missing then is told as an exception, and
/// taken back when it arrives within the horizon. Then it is final and forgotten. A consumer that is
/// discovered owes the messages that are not yet due, and those that are due and still open.
///
/// State (docs/ledger.md): `meta`, `names`, and `j/NUMBER`, slices of at most a minute and 1 MiB of journal
/// entries; a slice older than the horizon is dropped. Memory: Shard's, and 16 bytes for each message not yet
/// due.
class LedgerTask final : public flow::Task {
 public:
  explicit LedgerTask(LedgerTaskOptions options);
  ~LedgerTask() override;
  Result<void> restore(const flow::SegmentReader& segments) override;
  void process(const flow::Batch& batch, Now now) override;
  void answer(const flow::Answer& answer, Now now) override;
  void advance(flow::Watermark watermark, Now now) override;
  void flush(flow::Changes& changes) override;
  size_t pending_bytes() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::ledger
