#include "cli/watch_engine.h"

#include <map>
#include <set>

#include "cli/watch_api.h"
#include "cli/watch_feeds.h"
#include "watch/tables.h"
#include "watch/watch_task.h"

namespace waybill::cli {
namespace {

using Programs = std::map<std::string, std::shared_ptr<const watch::WatchProgram>>;  ///< by topic
/// Topics of one cluster that begin at the same place are one job.
struct Group {
  std::string cluster;
  source::StartAt start;
  auto key() const { return std::tuple(cluster, static_cast<int>(start.kind), start.time_ms); }
  bool operator<(const Group& o) const { return key() < o.key(); }
};
/// Rules by index in WatchConfig::definitions, by topic.
using TopicRules = std::map<std::string, std::set<size_t>>;

Programs programs_of(const WatchConfig& config, const TopicRules& topics) {
  std::map<std::set<size_t>, std::shared_ptr<const watch::WatchProgram>> known;
  Programs programs;
  for (const auto& [topic, indexes] : topics) {
    auto& program = known[indexes];
    if (!program) program = watch_program(config, indexes);
    programs[topic] = program;
  }
  return programs;
}

StreamJobSpec job_of(const WatchConfig& config, const Group& group, const TopicRules& rules,
                     std::string consumer_group) {
  std::vector<std::string> topics;
  for (const auto& [topic, indexes] : rules) topics.push_back(topic);
  auto programs = std::make_shared<const Programs>(
      programs_of(config, rules));  // shared by the plans of a job that begins again
  return {.engine = "watch",
          .name = group.cluster,
          .cluster = group.cluster,
          .group = std::move(consumer_group),
          .topics = topics,
          .start = group.start,
          .lines = true,
          .plan = [programs, topics, cluster = group.cluster]() -> Result<flow::Plan> {
            auto tables = watch::watch_tables();
            return flow::Plan{.engine = "watch",
                              .name = cluster,
                              .kind = flow::Plan::Kind::kEach,
                              .topics = topics,
                              .tables = {tables.begin(), tables.end()},
                              .make_task = [programs](const flow::TaskId&,
                                                      std::span<const flow::SourcePartition> partitions) {
                                return watch::make_watch_task(programs->at(partitions[0].topic), partitions);
                              }};
          }};
}

std::string suffix_of(source::StartAt start) {
  if (start.kind == source::StartAt::Kind::kBegin) return "-begin";
  return start.kind == source::StartAt::Kind::kEnd ? "-end" : "-" + std::to_string(start.time_ms);
}

}  // namespace

EngineParts watch_engine(const Config& config, flow::Store& store, const Clock& clock) {
  auto tables = watch::watch_tables();
  EngineParts parts{.tables = {tables.begin(), tables.end()}};
  std::map<Group, TopicRules> groups;
  std::map<std::string, int> jobs_of_cluster;
  for (size_t i = 0; i < config.watch.definitions.size(); ++i) {
    for (const auto& source : config.watch.definitions[i].sources) {
      if (source.cluster.empty()) continue;  // files or the standard input
      auto [at, is_new] = groups.try_emplace({source.cluster, source.start});
      jobs_of_cluster[source.cluster] += is_new;
      for (const auto& topic : source.topics) at->second[topic].insert(i);
    }
  }
  for (const auto& [group, rules] : groups) {
    bool only = jobs_of_cluster[group.cluster] == 1;
    const std::string& own = config.sls_group;
    const std::string& name = own.empty() || !config.cluster(group.cluster).sls ? config.watch.group : own;
    parts.jobs.push_back(job_of(config.watch, group, rules, name + (only ? "" : suffix_of(group.start))));
  }
  for (StreamJobSpec& job : feed_jobs(config.watch)) parts.jobs.push_back(std::move(job));
  parts.routes = watch_routes(config.watch, store, clock);
  return parts;
}

}  // namespace waybill::cli
