#include "cli/stream_job.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>

#include "cli/host.h"

namespace waybill::cli {
namespace {

constexpr Millis kBackoffMin{1000};
constexpr Millis kBackoffMax{30'000};

/// Returns early when stopped.
void sleep_for(const std::stop_token& stop, Millis wait) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, wait, [] { return false; });
}

}  // namespace

source::KafkaCluster kafka_of(const ClusterConfig& cluster) {
  source::KafkaCluster kafka{cluster.name, cluster.properties};
  if (!cluster.sls) return kafka;
  kafka.offsets_jump = true;
  kafka.group_note = fmt::format(
      "SLS project {}, logstores {}: a logstore takes at most 30 consumer groups, 15 of them through Kafka; "
      "delete one or name one that exists as sls.group",
      cluster.sls->project, fmt::join(cluster.sls->logstores, ", "));
  return kafka;
}

StreamJob::StreamJob(JobParts parts, StreamJobSpec spec)
    : parts_(std::move(parts)),
      spec_(std::move(spec)),
      member_(fmt::format("{}-{}-{}", spec_.group, host_name(), getpid())) {
  status_.cluster = spec_.cluster;
}

void StreamJob::start() {
  thread_ = std::jthread([this](std::stop_token stop) {
    auto done = run(std::move(stop));
    std::lock_guard lock(mutex_);
    status_.state = JobStatus::State::kStopped;
    if (!done) {
      parts_.log(LogLevel::kError, fmt::format("{}: stopped: {}", title(), done.error().message));
      status_.error = std::move(done.error());
    }
  });
}

void StreamJob::request_stop() { thread_.request_stop(); }

std::string StreamJob::title() const {
  if (spec_.source) return spec_.name;
  if (spec_.name == spec_.cluster) return fmt::format("cluster {}", spec_.cluster);
  return fmt::format("{} {}, cluster {}", spec_.engine, spec_.name, spec_.cluster);
}

Result<std::optional<flow::Plan>> StreamJob::wait_for_plan(const std::stop_token& stop) {
  for (Millis backoff = kBackoffMin; !stop.stop_requested(); backoff = std::min(backoff * 2, kBackoffMax)) {
    auto plan = spec_.plan();
    if (plan) return std::optional(std::move(*plan));
    if (plan.error().code == Errc::kInvalid) return tl::make_unexpected(std::move(plan.error()));
    parts_.log(LogLevel::kWarn, fmt::format("{}: waiting for topic {}: {}", title(),
                                            fmt::join(spec_.topics, ", "), plan.error().message));
    {
      std::lock_guard lock(mutex_);
      status_.waiting_for = plan.error().message;
    }
    sleep_for(stop, backoff);
  }
  return std::nullopt;
}

flow::Runner::MakeSource StreamJob::kafka_source(const source::KafkaCluster& kafka,
                                                 flow::Plan::Kind plan) const {
  source::KafkaSourceOptions options{
      .cluster = kafka,
      .group = spec_.group,
      .member = member_,
      .topics = spec_.topics,
      .start = spec_.start,
      .store_id = parts_.store.id(),
      .range_assignor = plan == flow::Plan::Kind::kAligned || kafka.offsets_jump,
      .whole = plan == flow::Plan::Kind::kWhole,
      .headers = spec_.headers,
      .lines = spec_.lines};
  return [this, options](flow::Assignments& assignments) {
    return source::make_kafka_source(options, assignments, parts_.clock, parts_.log);
  };
}

Result<void> StreamJob::run(std::stop_token stop) {
  auto plan = wait_for_plan(stop);
  if (!plan) return tl::make_unexpected(std::move(plan.error()));
  if (!*plan) return {};
  std::unique_ptr<flow::RangeReader> reader;
  source::KafkaCluster kafka;
  if (!spec_.source) kafka = kafka_of(parts_.config.cluster(spec_.cluster));
  if (spec_.asks) {
    auto opened = source::make_kafka_range_reader(kafka, parts_.log);
    if (!opened) return tl::make_unexpected(std::move(opened.error()));
    reader = std::move(*opened);
  }
  flow::Runner::MakeSource make_source = kafka_source(kafka, (*plan)->kind);
  if (spec_.source) {
    make_source = [this](flow::Assignments& assignments) -> Result<std::unique_ptr<flow::Source>> {
      return spec_.source(assignments, parts_.clock, parts_.log);
    };
  }
  const AuditConfig& audit = parts_.config.audit;
  auto runner = std::make_unique<flow::Runner>(
      std::move(**plan),
      flow::RunnerOptions{.owner = parts_.owner,
                          .commit_every = audit.commit_every,
                          .commit_bytes = static_cast<size_t>(audit.commit_bytes)},
      std::move(make_source), parts_.store, reader.get(), parts_.clock, parts_.log);
  flow::Runner* running = runner.get();
  {
    std::lock_guard lock(mutex_);
    reader_ = std::move(reader);
    runner_ = std::move(runner);
    status_.state = JobStatus::State::kRunning;
  }
  parts_.log(LogLevel::kInfo,
             fmt::format("{}: reading {} as {}", title(), fmt::join(spec_.topics, ", "), member_));
  return running->run(std::move(stop));
}

JobStatus StreamJob::status() const {
  std::lock_guard lock(mutex_);
  JobStatus status = status_;
  if (runner_) {
    status.health = runner_->health();
  } else {
    status.health.engine = spec_.engine;
    status.health.name = spec_.name;
    status.health.source.member = member_;
    status.health.source.degraded = true;
    status.health.source.detail = status.waiting_for;
  }
  return status;
}

}  // namespace waybill::cli
