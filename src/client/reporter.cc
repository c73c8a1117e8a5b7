#include "client/reporter.h"

#include <algorithm>
#include <set>
#include <utility>

#include "tally/report_codec.h"

namespace waybill::client {
namespace {

/// How soon to look again for the outcome of a send, ms.
constexpr int64_t kOutcomePollMs = 20;

void add_to(tally::Dropped& sum, const tally::Dropped& more) {
  sum.messages += more.messages;
  sum.coverage += more.coverage;
  sum.topics += more.topics;
}

}  // namespace

Reporter::Reporter(Recorder& recorder, Transport& transport, Identity identity, Schedule schedule, Now start)
    : recorder_(recorder),
      transport_(transport),
      identity_(std::move(identity)),
      schedule_(schedule),
      start_wall_ms_(start.wall_ms),
      pending_(recorder.limits()) {}

int64_t Reporter::tick(Now now) {
  take_outcomes(now);
  if (!destination_) destination_ = transport_.destination();
  if (!closing_ && now.steady_ms - last_drain_ >= schedule_.report_ms) {
    drain(now);
    recorder_.sweep(pending_);
  }
  if (!destination_) return now.steady_ms + std::min(schedule_.report_ms, schedule_.retry_ms);
  seal_due(now);
  send_waiting(now);
  return next_call(now);
}

void Reporter::close(Now now) {
  if (closing_) return;
  drain(now);
  recorder_.sweep(pending_, true);
  closing_ = true;
}

void Reporter::flush(Now now) {
  drain(now);
  flushing_ = !pending_.empty();
}

bool Reporter::flushed() const { return !flushing_ && undelivered() == 0; }

bool Reporter::done() const {
  if (!closing_ || !pending_.empty()) return false;
  return std::all_of(lanes_.begin(), lanes_.end(), [](const auto& named) {
    const Lane& lane = named.second;
    return lane.closed && lane.sealed.empty();
  });
}

size_t Reporter::undelivered() const {
  size_t count = 0;
  for (const auto& [partition, lane] : lanes_) count += lane.sealed.size();
  return count;
}

void Reporter::take_outcomes(Now now) {
  outcomes_.clear();
  transport_.outcomes(outcomes_);
  for (const Sent& sent : outcomes_) {
    auto found = lanes_.find(sent.partition);
    if (found == lanes_.end() || !found->second.in_flight) continue;
    Lane& lane = found->second;
    lane.in_flight = false;
    if (sent.delivered) {
      lane.sealed.pop_front();
    } else {
      lane.not_before = now.steady_ms + schedule_.retry_ms;
    }
  }
}

void Reporter::drain(Now now) {
  last_drain_ = now.steady_ms;
  recorder_.drain(pending_);
}

bool Reporter::due(const Lane& lane, bool has_content, Now now) const {
  if (lane.closed || !lane.sealed.empty()) return false;
  if (closing_) return has_content || lane.dropped.any() || lane.next_number > 1;
  int64_t since = now.steady_ms - lane.last_seal;
  if (has_content || lane.dropped.any()) return flushing_ || since >= schedule_.report_ms;
  return lane.next_number > 1 && since >= schedule_.heartbeat_ms;
}

void Reporter::seal_due(Now now) {
  if (pending_.unnamed().any()) {
    for (int32_t p = 0; p < destination_->partitions; ++p)
      add_to(lanes_[PartitionId(p)].dropped, pending_.unnamed());
    pending_.clear_unnamed();
  }
  std::set<PartitionId> content = pending_.partitions(destination_->partitions);
  for (PartitionId partition : content) lanes_.try_emplace(partition);
  bool any = std::any_of(lanes_.begin(), lanes_.end(), [&](const auto& named) {
    return due(named.second, content.contains(named.first), now);
  });
  if (!any) return;
  // What was recorded before the acknowledgement of a lane's last report must be in its next one.
  if (!closing_) drain(now);
  for (auto& [partition, lane] : lanes_) {
    if (due(lane, content.contains(partition), now)) seal(partition, lane, now);
  }
  if (pending_.empty()) flushing_ = false;
}

void Reporter::seal(PartitionId partition, Lane& lane, Now now) {
  tally::Report report;
  report.reporter = identity_.reporter;
  report.number = ReportNumber(lane.next_number);
  report.audit_partitions = destination_->partitions;
  report.from_ms = lane.next_number == 1 ? start_wall_ms_ : lane.complete_up_to_ms;
  report.complete_up_to_ms = std::max(now.wall_ms, report.from_ms + 1);
  report.closed = closing_;
  report.cluster_id = destination_->cluster_id;
  report.data_center = identity_.data_center;
  report.host = identity_.host;
  report.ip = identity_.ip;
  report.service = identity_.service;
  report.pid = identity_.pid;
  report.bucket_ms = recorder_.bucket_ms();
  pending_.take(partition, destination_->partitions, report);
  add_to(report.dropped, lane.dropped);
  lane.dropped = {};
  lane.complete_up_to_ms = report.complete_up_to_ms;
  lane.last_seal = now.steady_ms;
  lane.closed = closing_;
  for (tally::Report& part : tally::split_report(std::move(report))) {
    part.number = ReportNumber(lane.next_number++);
    lane.sealed.push_back(tally::encode_report(part));
  }
}

void Reporter::send_waiting(Now now) {
  for (auto& [partition, lane] : lanes_) {
    if (lane.in_flight || lane.sealed.empty() || now.steady_ms < lane.not_before) continue;
    lane.in_flight = transport_.send(partition, lane.sealed.front());
    if (!lane.in_flight) lane.not_before = now.steady_ms + schedule_.retry_ms;
  }
}

int64_t Reporter::next_call(Now now) const {
  int64_t next = closing_ ? now.steady_ms + kOutcomePollMs : last_drain_ + schedule_.report_ms;
  for (const auto& [partition, lane] : lanes_) {
    if (lane.in_flight) {
      next = std::min(next, now.steady_ms + kOutcomePollMs);
    } else if (!lane.sealed.empty()) {
      next = std::min(next, std::max(lane.not_before, now.steady_ms + 1));
    } else if (lane.next_number > 1) {
      next = std::min(next, std::max(lane.last_seal + schedule_.heartbeat_ms, now.steady_ms + 1));
    }
  }
  return std::max(next, now.steady_ms + 1);
}

}  // namespace waybill::client
