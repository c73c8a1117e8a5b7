#pragma once
// The configured topics of a ledger for commands: read once up to the end that they have now, or followed.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/ledger_follow.h"
#include "cli/ledger_input.h"
#include "cli/stop_signal.h"
#include "flow/watermark.h"
#include "source/kafka.h"

namespace waybill::cli {

struct LedgerTopicsOptions {
  source::KafkaCluster cluster;
  std::vector<std::string> topics;
  int64_t from_ms = 0;  ///< record time at which reading begins
};

/// Every partition of the topics, without being a member of a group and without committing anything. Used
/// from one thread at a time.
class LedgerTopics final : public flow::Assignments {
 public:
  /// Errors: kInvalid (a property that librdkafka refuses).
  static Result<std::unique_ptr<LedgerTopics>> open(const LedgerTopicsOptions& options, const Clock& clock);
  ~LedgerTopics() override;

  /// An empty batch when nothing came. kUnavailable: nothing was heard of the cluster or of a topic for
  /// kPatience, with the reason.
  Result<flow::Batch> poll(Millis wait);
  /// Every partition has been read to where it ended when it was first looked at (its last stable offset).
  bool finished() const;
  /// Nothing more comes of this partition.
  void leave(const flow::SourcePartition& from) { source_->pause(from); }
  /// Of `from`, where that is. REQUIRES: poll() gave a batch of it.
  Offset end_of(const flow::SourcePartition& from) const { return places_.at(from).end; }
  /// The time of the stream.
  flow::Watermark watermark();
  int64_t expired() const {
    return expired_;
  }  ///< messages that retention deleted while they were to be read

  static constexpr Millis kPatience{30'000};

 private:
  struct Place {
    Offset end{0};    ///< as it was at first
    Offset next{-1};  ///< of what poll() gave; -1: nothing yet
  };
  explicit LedgerTopics(const Clock& clock) : clock_(clock) {}
  std::vector<flow::SourcePartition> assigned(std::span<const flow::SourcePartition> partitions) override;
  void revoked(std::span<const flow::SourcePartition>, flow::RevokeReason) override {}

  const Clock& clock_;
  std::unique_ptr<flow::RangeReader> reader_;
  std::unique_ptr<flow::Source> source_;
  std::map<flow::SourcePartition, Place> places_;
  flow::WatermarkTracker marks_{Millis{5000}};
  int64_t heard_ms_ = 0;  ///< steady: something came, or everything is read
  int64_t expired_ = 0;
  std::string trouble_;
};

/// Reads `topics` once, to the ends. A stop that is asked for is among the errors.
std::unique_ptr<LedgerInput> read_once(std::unique_ptr<LedgerTopics> topics, StopSignal& signal);

/// Reads on, too.
std::unique_ptr<LedgerFeed> follow_topics(std::unique_ptr<LedgerTopics> topics);

}  // namespace waybill::cli
