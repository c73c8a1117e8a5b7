#include "cli/cluster_audit.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <condition_variable>

#include "audit/collector.h"
#include "audit/tables.h"
#include "cli/host.h"
#include "source/kafka.h"

namespace waybill::cli {
namespace {

constexpr Millis kTopicTimeout{3000};
constexpr Millis kBackoffMin{1000};
constexpr Millis kBackoffMax{30'000};
constexpr std::string_view kTopicRetentionMs = "604800000";  // 7 days

/// Returns early when stopped.
void sleep_for(std::stop_token stop, Millis wait) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, wait, [] { return false; });
}

source::KafkaCluster kafka_of(const ClusterConfig& cluster) { return {cluster.name, cluster.properties}; }

audit::CollectorOptions collector_options(const AuditConfig& config, const std::string& cluster,
                                          int32_t partitions) {
  return {.cluster = cluster,
          .audit_partitions = partitions,
          .bucket_ms = config.bucket.count(),
          .grace_ms = config.grace.count(),
          .vanished_ms = config.vanished.count(),
          .topics_max = config.topics_max,
          .groups_max = config.groups_max,
          .reporters_max = config.reporters_max,
          .ranges_max = config.ranges_max,
          .verify = config.verify,
          .include_groups = config.include_groups,
          .exclude_groups = config.exclude_groups};
}

flow::Plan collector_plan(const audit::CollectorOptions& options) {
  std::span<const flow::TableSpec* const> tables = audit::audit_tables();
  return {.engine = "collector",
          .name = options.cluster,
          .kind = flow::Plan::Kind::kEach,
          .topics = {},
          .tables = {tables.begin(), tables.end()},
          .make_task =
              [options](const flow::TaskId& id, std::span<const flow::SourcePartition> partitions) {
                return audit::make_collector(options, id, partitions);
              }};
}

}  // namespace

ClusterAudit::ClusterAudit(Parts parts, std::string cluster)
    : parts_(std::move(parts)),
      cluster_(std::move(cluster)),
      member_(fmt::format("{}-{}-{}", parts_.config.audit.group, host_name(), getpid())) {
  status_.cluster = cluster_;
}

void ClusterAudit::start() {
  thread_ = std::jthread([this](std::stop_token stop) {
    auto done = run(std::move(stop));
    std::lock_guard lock(mutex_);
    status_.state = ClusterStatus::State::kStopped;
    if (!done) {
      parts_.log(LogLevel::kError, fmt::format("cluster {}: stopped: {}", cluster_, done.error().message));
      status_.error = std::move(done.error());
    }
  });
}

void ClusterAudit::request_stop() { thread_.request_stop(); }

void ClusterAudit::waiting(const Error& error) {
  parts_.log(LogLevel::kWarn, fmt::format("cluster {}: waiting for topic {}: {}", cluster_,
                                          parts_.config.audit.topic, error.message));
  std::lock_guard lock(mutex_);
  status_.waiting_for = error.message;
}

Result<std::optional<int32_t>> ClusterAudit::wait_for_topic(std::stop_token stop) {
  const AuditConfig& audit = parts_.config.audit;
  source::KafkaCluster kafka = kafka_of(parts_.config.cluster(cluster_));
  source::TopicSettings topic{.name = audit.topic,
                              .partitions = audit.partitions,
                              .config = {{"cleanup.policy", "delete"},
                                         {"retention.ms", std::string(kTopicRetentionMs)},
                                         {"message.timestamp.type", "LogAppendTime"}}};
  for (Millis backoff = kBackoffMin; !stop.stop_requested(); backoff = std::min(backoff * 2, kBackoffMax)) {
    auto count = source::ensure_topic(kafka, topic, kTopicTimeout);
    if (count && *count == audit.partitions) return std::optional(*count);
    if (count) {
      return fail(Errc::kInvalid, fmt::format("topic {} has {} partitions and audit.partitions says {}; with "
                                              "another count reports of one topic "
                                              "meet in different collectors. Set audit.partitions: {} if it "
                                              "was always so, else make the topic "
                                              "anew",
                                              audit.topic, *count, audit.partitions, *count));
    }
    if (count.error().code == Errc::kInvalid) return tl::make_unexpected(count.error());
    waiting(count.error());
    sleep_for(stop, backoff);
  }
  return std::nullopt;
}

Result<void> ClusterAudit::run(std::stop_token stop) {
  const AuditConfig& audit = parts_.config.audit;
  auto partitions = wait_for_topic(stop);
  if (!partitions) return tl::make_unexpected(partitions.error());
  if (!*partitions) return {};
  source::KafkaCluster kafka = kafka_of(parts_.config.cluster(cluster_));
  auto reader = source::make_kafka_range_reader(kafka, parts_.log);
  if (!reader) return tl::make_unexpected(reader.error());
  source::KafkaSourceOptions options{.cluster = kafka,
                                     .group = audit.group,
                                     .member = member_,
                                     .topics = {audit.topic},
                                     .start = {},
                                     .store_id = parts_.store.id()};
  flow::Runner::MakeSource make_source = [this, options](flow::Assignments& assignments) {
    return source::make_kafka_source(options, assignments, parts_.clock, parts_.log);
  };
  auto runner = std::make_unique<flow::Runner>(
      collector_plan(collector_options(audit, cluster_, **partitions)),
      flow::RunnerOptions{.owner = parts_.owner,
                          .commit_every = audit.commit_every,
                          .commit_bytes = static_cast<size_t>(audit.commit_bytes)},
      std::move(make_source), parts_.store, reader->get(), parts_.clock, parts_.log);
  flow::Runner* running = runner.get();
  {
    std::lock_guard lock(mutex_);
    runner_ = std::move(runner);
    reader_ = std::move(*reader);
    status_.state = ClusterStatus::State::kRunning;
  }
  parts_.log(LogLevel::kInfo, fmt::format("cluster {}: reading {} as {}", cluster_, audit.topic, member_));
  return running->run(std::move(stop));
}

ClusterStatus ClusterAudit::status() const {
  std::lock_guard lock(mutex_);
  ClusterStatus status = status_;
  if (runner_) {
    status.health = runner_->health();
  } else {
    status.health.engine = "collector";
    status.health.name = cluster_;
    status.health.source.member = member_;
    status.health.source.degraded = true;
    status.health.source.detail = status.waiting_for;
  }
  return status;
}

}  // namespace waybill::cli
