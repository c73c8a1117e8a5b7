// waybill reports: the audit topic as JSON lines.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "audit/query.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/kafka_properties.h"
#include "cli/logger.h"
#include "cli/stop_signal.h"
#include "cli/topic_reader.h"
#include "tally/decision.h"
#include "tally/report_codec.h"

namespace waybill::cli {
namespace {

struct Where {
  ClusterConfig cluster;
  std::string topic;
};

/// The cluster to read, from the arguments or the configuration. The error is ready to print.
tl::expected<Where, std::string> where(const ReportsArgs& args) {
  Where where{{"brokers", {}}, args.topic.empty() ? AuditConfig{}.topic : args.topic};
  if (args.brokers.empty()) {
    auto loaded = load_config(args.config, real_world());
    if (!loaded) return tl::make_unexpected(loaded.error());
    const AuditConfig& audit = loaded->config.audit;
    std::string name = args.cluster.empty() ? audit.clusters.front() : args.cluster;
    auto same = [&name](const ClusterConfig& c) { return c.name == name; };
    if (std::none_of(loaded->config.clusters.begin(), loaded->config.clusters.end(), same)) {
      return tl::make_unexpected(fmt::format("there is no cluster \"{}\" in {}\n", name, loaded->path));
    }
    if (args.cluster.empty() && audit.clusters.size() > 1) {
      return tl::make_unexpected(fmt::format("several clusters are audited; choose one with --cluster: {}\n",
                                             fmt::join(audit.clusters, ", ")));
    }
    where.cluster = loaded->config.cluster(name);
    if (args.topic.empty()) where.topic = audit.topic;
  } else {
    where.cluster.properties.emplace_back("bootstrap.servers", args.brokers);
  }
  for (const std::string& property : args.properties) {
    size_t equals = property.find('=');
    if (equals == std::string::npos)
      return tl::make_unexpected(fmt::format("-X {}: NAME=VALUE is needed\n", property));
    std::string name = property.substr(0, equals);
    std::string value = property.substr(equals + 1);
    if (auto good = check_kafka_property(name, value); !good) {
      return tl::make_unexpected(is_secret_property(name) ? fmt::format("-X {}: not taken\n", name)
                                                          : good.error().message + "\n");
    }
    where.cluster.properties.emplace_back(std::move(name), std::move(value));
  }
  return where;
}

/// One line: where the report stands, then all that it says.
void print(const TopicRecord& record, const tally::Report& report) {
  std::string json = tally::report_to_json(report);
  fmt::print("{{\"partition\":{},\"offset\":{},\"time_ms\":{},{}\n", record.partition, record.offset,
             record.time_ms, std::string_view(json).substr(1));
}

/// One line: where the decision stands, and what was decided.
void print(const TopicRecord& record, const tally::Decision& d) {
  const char* kind = d.kind == tally::DecisionKind::kAccept        ? "accept"
                     : d.kind == tally::DecisionKind::kReplayBegin ? "replay_begin"
                                                                   : "replay_end";
  nlohmann::ordered_json ranges = nlohmann::ordered_json::array(), moved = ranges;
  for (const tally::DecidedPartition& p : d.partitions) {
    for (const OffsetRange& r : p.ranges)
      ranges.push_back({p.partition.value, r.begin.value, r.end.value - 1});
    for (const tally::Moved& m : p.moved) {
      moved.push_back(
          {p.partition.value, m.range.begin.value, m.range.end.value - 1, p.to_partition.value, m.to.value});
    }
  }
  const nlohmann::ordered_json json{{"partition", record.partition},
                                    {"offset", record.offset},
                                    {"time_ms", record.time_ms},
                                    {"decision", d.id.hex()},
                                    {"kind", kind},
                                    {"decided_ms", d.decided_ms},
                                    {"by", d.by},
                                    {"reason", d.reason},
                                    {"cluster", d.cluster},
                                    {"topic", d.topic},
                                    {"group", d.group},
                                    {"incarnation", d.incarnation},
                                    {"ranges", std::move(ranges)},
                                    {"moved", std::move(moved)},
                                    {"to_topic", d.to_topic}};
  fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

int reports_command(const ReportsArgs& args) {
  StopSignal signal;
  auto from = where(args);
  if (!from) {
    fmt::print(stderr, "{}", from.error());
    return kExitUsage;
  }
  TopicReaderOptions options{
      .cluster = from->cluster, .topic = from->topic, .from_ms = std::nullopt, .follow = args.follow};
  if (!args.from.empty()) {
    auto time = audit::parse_time(args.from, system_clock().now());
    if (!time) {
      fmt::print(stderr, "--from: {}\n", time.error().message);
      return kExitUsage;
    }
    options.from_ms = *time;
  }
  int64_t foreign = 0;
  auto done = read_topic(
      options,
      [&](const TopicRecord& record) {
        if (auto decision = tally::decode_decision(record.value)) {
          print(record, *decision);
        } else if (auto report = tally::decode_report(record.value)) {
          print(record, *report);
        } else if (++foreign <= 10) {
          fmt::print(stderr, "{}[{}] offset {}: no report: {}\n", from->topic, record.partition,
                     record.offset, report.error().message);
        }
        return !std::ferror(stdout);
      },
      [&](bool idle) {
        if (idle) std::fflush(stdout);
        return !signal.wait(Millis(0)) && !std::ferror(stdout);
      });
  std::fflush(stdout);
  if (foreign > 10) fmt::print(stderr, "{} records are no reports\n", foreign);
  if (!done) {
    fmt::print(stderr, "{}\n", done.error().message);
    return kExitRuntime;
  }
  return kExitFine;
}

}  // namespace waybill::cli
