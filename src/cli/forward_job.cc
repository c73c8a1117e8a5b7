#include "cli/forward_job.h"

#include <unistd.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/assert.h"
#include "cli/document_sinks.h"
#include "cli/host.h"
#include "cli/redis_figures.h"
#include "cli/stream_job.h"
#include "sink/bounded_outbox.h"
#include "sink/kafka_sink.h"
#include "sink/redis_sink.h"
#include "sink/row_outbox.h"
#include "sink/syslog.h"
#include "source/kafka_producer.h"
#include "watch/forward_row.h"

namespace waybill::cli {
namespace {

constexpr Millis kLookAgain{200};  ///< into an outbox that was empty
constexpr Millis kMeasureEvery{1'000};

struct Destination {
  size_t sink = 0;
  int severity = 6;
};
struct Destinations {
  std::map<std::string, Destination, std::less<>> watches;  ///< by name
  std::optional<size_t> redis;                              ///< takes the names of changed rows
  std::optional<DocumentRoutes> documents;
};

std::string title(const WatchForward& forward) {
  return forward.syslog.empty() ? "kafka " + forward.cluster + "/" + forward.topic
                                : "syslog " + forward.syslog;
}

std::unique_ptr<sink::ForwardSink> make_sink(const WatchForward& forward, const JobParts& parts) {
  if (!forward.syslog.empty()) {
    auto address = sink::parse_syslog_url(forward.syslog);
    ASSERT(address.has_value());  // the configuration's check has parsed it before
    return sink::make_syslog_sink(std::move(*address), host_name(), std::to_string(getpid()));
  }
  source::KafkaProducerOptions options;
  options.topic = forward.topic;
  options.client_id = "waybill-forward-" + host_name();
  for (const ClusterConfig& cluster : parts.config.clusters) {
    if (cluster.name == forward.cluster) options.cluster = kafka_of(cluster);
  }
  return sink::make_kafka_sink(
      [options, log = parts.log] { return source::make_kafka_producer(options, log); });
}

int syslog_severity(WatchDefinition::Severity severity) {
  if (severity == WatchDefinition::Severity::kCritical) return 2;
  return severity == WatchDefinition::Severity::kWarning ? 4 : 6;
}

bool shown_in_redis(std::string_view table) {
  static const std::vector<sink::ShownTable> tables = redis_tables();
  for (const sink::ShownTable& shown : tables) {
    if (shown.table->name == table) return true;
  }
  return false;
}

std::optional<sink::Routed> routed(const Destinations& destinations, flow::OutboxRow&& row) {
  if (destinations.documents) {
    if (auto document = destinations.documents->route(row)) return document;
  }
  if (destinations.redis && row.key.body.empty() && shown_in_redis(row.key.table)) {
    sink::Routed out{.sink = *destinations.redis, .record = {}};
    out.record.sequence = row.sequence;
    out.record.table = row.key.table;
    out.record.key = row.key.key;
    return out;
  }
  auto record = watch::parse_forward_row(row.key);
  if (!record) return std::nullopt;
  auto at = destinations.watches.find(record->watch);
  if (at == destinations.watches.end()) return std::nullopt;
  return sink::Routed{.sink = at->second.sink,
                      .record = {.sequence = row.sequence,
                                 .table = {},
                                 .watch = std::move(record->watch),
                                 .cluster = std::move(record->cluster),
                                 .topic = std::move(record->topic),
                                 .partition = record->partition,
                                 .offset = record->offset,
                                 .time_ms = record->time_ms,
                                 .severity = at->second.severity,
                                 .has_key = record->has_key,
                                 .key = std::move(record->key),
                                 .value = std::move(record->value)}};
}

std::vector<sink::ShownTable> shown_tables(const Config& config) {
  std::vector<sink::ShownTable> tables = document_tables(config);
  if (!config.redis) return tables;
  for (sink::ShownTable& shown : redis_tables()) tables.push_back(std::move(shown));
  return tables;
}

class RunningForwardJob final : public ForwardJob {
 public:
  RunningForwardJob(const JobParts& parts, flow::Store& commits, std::vector<sink::NamedSink> sinks,
                    std::vector<std::string> names, Destinations destinations)
      : clock_(parts.clock),
        log_(parts.log),
        figures_(std::move(names)),
        rows_(sink::make_row_outbox(commits, figures_, shown_tables(parts.config))),
        bounded_(sink::make_bounded_outbox(*rows_, figures_, parts.config.watch.outbox_rows)),
        drainer_(
            parts.store, parts.clock, parts.owner, std::move(sinks),
            [destinations = std::move(destinations)](flow::OutboxRow&& row) {
              return routed(destinations, std::move(row));
            },
            figures_, parts.log) {}

  void start() override {
    if (auto done = drainer_.measure(); !done) note(done);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  void request_stop() override {
    thread_.request_stop();
    drainer_.interrupt();
  }
  flow::Store& bounded_store() override { return *bounded_; }
  const sink::OutboxFigures& figures() const override { return figures_; }

 private:
  void run(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any woken;
    std::unique_lock lock(mutex);
    int64_t measure_ms = INT64_MIN;
    while (!stop.stop_requested()) {
      const bool busy = drainer_.step(stop);
      const int64_t now_ms = clock_.now().steady_ms;
      if (now_ms >= measure_ms) {
        note(drainer_.measure());
        measure_ms = now_ms + kMeasureEvery.count();
      }
      if (!busy) woken.wait_for(lock, stop, kLookAgain, [] { return false; });
    }
  }

  void note(const Result<void>& measured) {
    if (!measured && !failed_)
      log_(LogLevel::kWarn, "the outbox cannot be measured: " + measured.error().message);
    failed_ = !measured;
  }

  const Clock& clock_;
  LogFn log_;
  sink::OutboxFigures figures_;
  std::unique_ptr<flow::Store> rows_;  ///< names what changes, for Redis and documents
  std::unique_ptr<flow::Store> bounded_;
  sink::OutboxDrainer drainer_;
  bool failed_ = false;
  std::jthread thread_;  ///< last: joined first
};

}  // namespace

std::unique_ptr<ForwardJob> make_forward_job(const JobParts& parts, flow::Store& commits) {
  std::map<WatchForward, size_t> known;
  std::vector<sink::NamedSink> sinks;
  std::vector<std::string> names;
  Destinations destinations;
  for (const WatchDefinition& definition : parts.config.watch.definitions) {
    if (!definition.forward) continue;
    auto [at, is_new] = known.try_emplace(*definition.forward, sinks.size());
    if (is_new) {
      names.push_back(title(*definition.forward));
      sinks.push_back({.name = names.back(), .sink = make_sink(*definition.forward, parts)});
    }
    destinations.watches[definition.rule.name] = {at->second, syslog_severity(definition.severity)};
  }
  if (parts.config.redis) {
    const RedisSettings& redis = *parts.config.redis;
    destinations.redis = sinks.size();
    names.push_back("redis " + redis.address.str());
    sinks.push_back(
        {names.back(),
         sink::make_redis_sink({redis.address, redis.login, redis.ttl, redis.stream_length}, parts.store,
                               parts.clock, make_redis_figures(parts.config, parts.store, parts.clock)),
         redis.outbox_rows});
  }
  destinations.documents.emplace(parts, sinks);
  for (size_t i = names.size(); i < sinks.size(); ++i) names.push_back(sinks[i].name);
  if (sinks.empty()) return nullptr;
  return std::make_unique<RunningForwardJob>(parts, commits, std::move(sinks), std::move(names),
                                             std::move(destinations));
}

}  // namespace waybill::cli
