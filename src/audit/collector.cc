#include "audit/collector.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "audit/audit_state.h"
#include "audit/lag_asks.h"
#include "audit/operation_log.h"
#include "audit/owes_asks.h"
#include "audit/plausible.h"
#include "audit/verifier.h"
#include "base/assert.h"
#include "tally/report_codec.h"

namespace waybill::audit {
namespace {

/// Whether undecodable bytes begin like a report (version, then a 16-byte reporter id): a damaged one, not a
/// stranger's.
bool begins_like_report(std::string_view bytes) {
  return bytes.size() > 4 && bytes[0] == 0x08 && bytes[2] == 0x12 && bytes[3] == 0x10;
}

class Collector final : public flow::Task {
 public:
  Collector(const CollectorOptions& options, PartitionId audit_partition)
      : state_(options, audit_partition),
        log_(state_, options.log_bytes_min),
        lag_(options.cluster, options.lag_every_ms),
        verifier_(options),
        owes_(options) {}

  Result<void> restore(const flow::SegmentReader& segments) override { return log_.restore(segments); }

  void process(const flow::Batch& batch, Now now) override {
    if (batch.gap) note_gap(*batch.gap, now);
    for (const flow::Record& record : batch.records) process(record, now);
    if (!batch.records.empty()) quiet_since_ms_ = now.steady_ms;
    log_.judge();
  }

  void answer(const flow::Answer& answer, Now now) override {
    if (verifier_.answer(answer, log_, state_, now.steady_ms)) return;
    if (owes_.answer(answer, log_, now.steady_ms)) return;
    lag_.answer(answer, log_, state_, now);
  }

  void advance(flow::Watermark watermark, Now now) override {
    if (!watermark.caught_up || quiet_since_ms_ == INT64_MIN) quiet_since_ms_ = now.steady_ms;
    if (newest_ms_ == 0) newest_ms_ = state_.clock_ms();  // restored
    if (newest_ms_ > 0) {
      const int64_t clock_ms = newest_ms_ + std::max<int64_t>(0, now.steady_ms - quiet_since_ms_);
      log_.tick(clock_ms);
      log_.judge();
      owes_.advance(state_, log_, clock_ms, now.steady_ms);
    }
    lag_.advance(state_, now.steady_ms);
    verifier_.advance(state_, log_, now.steady_ms);
  }

  void flush(flow::Changes& changes) override {
    log_.flush(changes);
    lag_.flush(changes.asks);
    verifier_.flush(changes.asks);
    owes_.flush(changes.asks);
  }

  size_t pending_bytes() const override { return log_.pending_bytes() + state_.rows().bytes(); }

 private:
  void process(const flow::Record& record, Now now) {
    int64_t time_ms = record.time_type == flow::TimeType::kNone ? now.wall_ms : record.time_ms;
    if (tally::is_decision(record.value)) return process_decision(record.value, time_ms);
    auto report = tally::decode_report(record.value);
    if (!report) {
      state_.rows().count(report.error().code == Errc::kUnsupported ? "newer_version"
                          : begins_like_report(record.value)        ? "corrupt"
                                                                    : "foreign_bytes");
      if (report.error().code == Errc::kUnsupported) {
        log_.note_incomplete("newer_version", time_ms, time_ms, report.error().message);
      }
      return;
    }
    if (!plausible(*report)) return state_.rows().count("corrupt");
    newest_ms_ = std::max(newest_ms_, time_ms);
    log_.apply(*std::move(report), time_ms);
  }

  void process_decision(std::string_view bytes, int64_t time_ms) {
    auto decision = tally::decode_decision(bytes);
    if (!decision) {
      return state_.rows().count(decision.error().code == Errc::kUnsupported ? "newer_version"
                                                                             : "corrupt_decision");
    }
    log_.decide(*decision, time_ms);
  }

  /// Reports were deleted before we read them: what they told is not known, for any topic of this partition.
  void note_gap(const flow::Gap& gap, Now now) {
    int64_t from_ms = std::max(newest_ms_, state_.clock_ms());
    state_.rows().count("audit_gap");
    log_.note_incomplete("audit_gap", from_ms > 0 ? from_ms : now.wall_ms, now.wall_ms,
                         "reports at offsets " + std::to_string(gap.range.begin.value) + " to " +
                             std::to_string(gap.range.end.value - 1) +
                             (gap.kind == flow::Gap::Kind::kExpired ? " had expired" : " were cut off"));
  }

  AuditState state_;
  OperationLog log_;
  LagAsks lag_;
  Verifier verifier_;
  OwesAsks owes_;
  int64_t newest_ms_ = 0;               ///< newest record time of this life
  int64_t quiet_since_ms_ = INT64_MIN;  ///< steady: since when nothing came while caught up
};

}  // namespace

std::unique_ptr<flow::Task> make_collector(const CollectorOptions& options, const flow::TaskId&,
                                           std::span<const flow::SourcePartition> partitions) {
  ASSERT(partitions.size() == 1);
  return std::make_unique<Collector>(options, partitions.front().partition);
}

}  // namespace waybill::audit
