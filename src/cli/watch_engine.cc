#include "cli/watch_engine.h"

#include <map>
#include <set>

#include "base/assert.h"
#include "cli/watch_api.h"
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

/// REQUIRES: rules that the configuration's check has compiled before.
std::shared_ptr<const watch::WatchProgram> compiled(const WatchConfig& config,
                                                    const std::set<size_t>& indexes) {
  std::vector<watch::Rule> rules;
  std::vector<watch::RuleSettings> settings;
  for (size_t index : indexes) {
    const WatchDefinition& definition = config.definitions[index];
    rules.push_back(definition.rule);
    settings.push_back({definition.window.count(), definition.samples, definition.forward.has_value(),
                        !definition.notify.empty()});
  }
  auto set = watch::RuleSet::compile(std::move(rules));
  ASSERT(set.has_value());
  return std::make_shared<const watch::WatchProgram>(
      watch::WatchProgram{std::move(*set), std::move(settings), watch::Redactor(config.redact)});
}

Programs programs_of(const WatchConfig& config, const TopicRules& topics) {
  std::map<std::set<size_t>, std::shared_ptr<const watch::WatchProgram>> known;
  Programs programs;
  for (const auto& [topic, indexes] : topics) {
    auto& program = known[indexes];
    if (!program) program = compiled(config, indexes);
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
      auto [at, is_new] = groups.try_emplace({source.cluster, source.start});
      jobs_of_cluster[source.cluster] += is_new;
      for (const auto& topic : source.topics) at->second[topic].insert(i);
    }
  }
  for (const auto& [group, rules] : groups) {
    bool only = jobs_of_cluster[group.cluster] == 1;
    parts.jobs.push_back(
        job_of(config.watch, group, rules, config.watch.group + (only ? "" : suffix_of(group.start))));
  }
  parts.routes = watch_routes(config.watch, store, clock);
  return parts;
}

}  // namespace waybill::cli
