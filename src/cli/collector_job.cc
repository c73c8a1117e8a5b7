#include "cli/collector_job.h"

#include <fmt/format.h>

#include "audit/collector.h"
#include "audit/tables.h"

namespace waybill::cli {
namespace {

constexpr Millis kTopicTimeout{3000};
constexpr std::string_view kTopicRetentionMs = "604800000";  // 7 days

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
          .owes_ms = config.owes.count(),
          .include_groups = config.include_groups,
          .exclude_groups = config.exclude_groups,
          .hops = !config.index.server.empty()};
}

flow::Plan collector_plan(const audit::CollectorOptions& options) {
  std::span<const flow::TableSpec* const> tables = audit::audit_tables();
  return {.engine = "collector",
          .name = options.cluster,
          .kind = flow::Plan::Kind::kEach,
          .topics = {},
          .tables = {tables.begin(), tables.end()},
          .make_task = [options](const flow::TaskId& id, std::span<const flow::SourcePartition> partitions) {
            return audit::make_collector(options, id, partitions);
          }};
}

/// The topic's partition count, once it exists with the right one.
Result<int32_t> audit_partitions(const AuditConfig& audit, const ClusterConfig& cluster) {
  source::TopicSettings topic{.name = audit.topic,
                              .partitions = audit.partitions,
                              .config = {{"cleanup.policy", "delete"},
                                         {"retention.ms", std::string(kTopicRetentionMs)},
                                         {"message.timestamp.type", "LogAppendTime"}}};
  auto count = source::ensure_topic(kafka_of(cluster), topic, kTopicTimeout);
  if (!count || *count == audit.partitions) return count;
  return fail(
      Errc::kInvalid,
      fmt::format(
          "topic {} has {} partitions and audit.partitions says {}; with another count reports of one "
          "topic meet in different collectors. Set audit.partitions: {} if it was always so, else make "
          "the topic anew",
          audit.topic, *count, audit.partitions, *count));
}

}  // namespace

StreamJobSpec collector_job(const Config& config, const std::string& cluster) {
  return {.engine = "collector",
          .name = cluster,
          .cluster = cluster,
          .group = config.audit.group,
          .topics = {config.audit.topic},
          .asks = true,
          .plan = [&config, cluster]() -> Result<flow::Plan> {
            auto partitions = audit_partitions(config.audit, config.cluster(cluster));
            if (!partitions) return tl::make_unexpected(std::move(partitions.error()));
            return collector_plan(collector_options(config.audit, cluster, *partitions));
          }};
}

}  // namespace waybill::cli
