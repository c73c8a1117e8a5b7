// waybill agent: the wiring of src/agent with files, Kafka and the audit topic.
#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <optional>

#include "agent/agent.h"
#include "cli/agent_line.h"
#include "cli/agent_metrics.h"
#include "cli/config.h"
#include "cli/host.h"
#include "cli/logger.h"
#include "cli/stop_signal.h"
#include "plugin/kafka_transport.h"
#include "source/file_follower.h"
#include "source/kafka_producer.h"
#include "source/properties.h"

namespace waybill::cli {
namespace {

constexpr Millis kStep{50};
constexpr Millis kDrainMax{8'000};
constexpr Millis kReportsMax{1'500};
constexpr Millis kPauseAfterFailure{2'000};
constexpr int64_t kMetricsEveryMs = 1'000;

/// The plugin's calls, answered by the librdkafka that this program is linked with.
const plugin::RdkafkaApi& linked_rdkafka() {
  static const plugin::RdkafkaApi api = [] {
    plugin::RdkafkaApi made;
#define WAYBILL_LINKED(name) made.name = &::name;
    WAYBILL_RDKAFKA_REQUIRED(WAYBILL_LINKED)
    WAYBILL_RDKAFKA_OPTIONAL(WAYBILL_LINKED)
#undef WAYBILL_LINKED
    made.version = rd_kafka_version();
    return made;
  }();
  return api;
}

/// Each followed file takes a descriptor.
void raise_descriptor_limit(size_t files, const LogFn& log) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = files + 200;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted)
    log(LogLevel::kInfo, fmt::format("this process may open {} files; agent.files_max {} would need {}",
                                     limit.rlim_cur, files, wanted));
}

/// One life of producer, follower and agent: from the stored positions to a stop or a failure of the
/// producer.
class AgentProcess {
 public:
  AgentProcess(const Config& config, StopSignal& signal, const LogFn& log)
      : config_(config),
        agent_(config.agent),
        signal_(signal),
        log_(log),
        host_(agent_.host.empty() ? host_name() : agent_.host),
        client_id_(fmt::format("waybill-agent-{}", host_)) {}

  Result<void> start() {
    auto state = agent::StateFile::open(agent_.state);
    if (!state) return tl::make_unexpected(std::move(state).error());
    state_.emplace(*std::move(state));
    raise_descriptor_limit(agent_.follow.files_max, log_);
    if (agent_.metrics) {
      auto server = serve_agent_metrics(*agent_.metrics, metrics_, log_);
      if (!server) return tl::make_unexpected(std::move(server).error());
      server_ = std::move(*server);
    }
    return start_audit();
  }

  /// Until a stop is asked for. Errors: what trying again does not mend.
  Result<void> run() {
    for (;;) {
      auto known = state_->load();
      if (!known) return tl::make_unexpected(std::move(known).error());
      auto feed = source::FileFollower::make(agent_.follow, *std::move(known), system_clock(), log_);
      if (!feed) return tl::make_unexpected(std::move(feed).error());
      auto producer = source::make_kafka_producer(producer_options(), log_);
      if (!producer) return tl::make_unexpected(std::move(producer).error());
      agent::Agent agent(agent_options(), **feed, **producer, *state_, trail_.get(), system_clock(), log_);
      metrics_.begin_life();
      auto ended = work(agent, **feed);
      if (ended) return drain(agent);
      log_(LogLevel::kError, fmt::format("{}: {}; going on from the positions that were acknowledged",
                                         agent_.topic, ended.error().message));
      if (signal_.wait(kPauseAfterFailure)) return {};
    }
  }

 private:
  source::KafkaProducerOptions producer_options() const {
    const ClusterConfig& cluster = config_.cluster(agent_.cluster);
    return {.cluster = {cluster.name, cluster.properties},
            .topic = agent_.topic,
            .client_id = client_id_,
            .in_flight_bytes_max = agent_.in_flight_bytes,
            .record_bytes_max = static_cast<int64_t>(agent_.follow.record.record_bytes_max)};
  }

  agent::AgentOptions agent_options() const {
    agent::AgentOptions options{
        .key = agent_.key, .headers = agent_.headers, .save_every = agent_.save_every};
    if (!agent_.host_header.empty()) options.headers.emplace_back(agent_.host_header, host_);
    return options;
  }

  Result<void> start_audit() {
    if (!agent_.audited) return {};
    const ClusterConfig& cluster = config_.cluster(agent_.cluster);
    auto conf = source::make_conf({cluster.name, cluster.properties}, {}, {});
    if (!conf) return tl::make_unexpected(std::move(conf).error());
    std::string fingerprint;
    rd_kafka_conf_t* own = plugin::audit_conf(linked_rdkafka(), conf->get(), fingerprint);
    if (own == nullptr)
      return fail(Errc::kInvalid, "librdkafka refuses the configuration of the audit producer");
    transport_ = std::make_unique<plugin::KafkaTransport>(linked_rdkafka(), own, agent_.audit_topic, log_);
    client::Identity identity;
    identity.reporter = Id128::random();
    identity.host = host_;
    identity.service = "waybill-agent";
    identity.pid = static_cast<uint64_t>(::getpid());
    trail_ = std::make_unique<agent::AuditTrail>(agent_.topic, client_id_, std::move(identity), *transport_,
                                                 system_clock().now());
    return {};
  }

  /// Steps until a stop (no error) or a failure of the producer.
  Result<void> work(agent::Agent& agent, const flow::FileFeed& feed) {
    int64_t next_status = system_clock().now().steady_ms + agent_.status_every.count();
    int64_t next_signal = 0, next_metrics = 0;
    for (;;) {
      const int64_t now = system_clock().now().steady_ms;
      if (now >= next_signal) {
        if (signal_.wait(Millis(0))) return {};
        next_signal = now + kStep.count();
      }
      if (server_ && now >= next_metrics) {
        metrics_.set(agent.figures(), feed.health());
        next_metrics = now + kMetricsEveryMs;
      }
      if (auto fine = agent.step(kStep); !fine) return fine;
      if (agent_.status_every.count() > 0 && now >= next_status) {
        log_(LogLevel::kInfo, status(agent.figures(), feed.health()));
        next_status = now + agent_.status_every.count();
      }
    }
  }

  static std::string status(const agent::AgentFigures& f, const flow::FeedHealth& h) {
    return fmt::format(
        "status: files={} behind_bytes={} records={} bytes={} delivered={} under_way={} refused={} "
        "oversized={} "
        "unkeyed={} unreadable={} left_out={} cut_off={} saves={} saves_failed={}",
        h.files, h.bytes_behind, f.records, f.bytes, f.delivered, f.under_way, f.refused, h.oversized,
        f.unkeyed, h.unreadable, h.left_out, h.cut_off, f.saves, f.saves_failed);
  }

  Result<void> drain(agent::Agent& agent) {
    log_(LogLevel::kInfo, "stopping: waiting for acknowledgements");
    const bool all = agent.drain(kDrainMax);
    if (trail_ != nullptr) {
      trail_->close(system_clock().now());
      const int64_t end = system_clock().now().steady_ms + kReportsMax.count();
      while (!trail_->closed() && system_clock().now().steady_ms < end) {
        trail_->tick(system_clock().now());
        ::usleep(10'000);
      }
    }
    const agent::AgentFigures& f = agent.figures();
    log_(LogLevel::kInfo,
         fmt::format("stopped: records={} delivered={} refused={}{}", f.records, f.delivered, f.refused,
                     all ? "" : "; what was not acknowledged is sent again at the next start"));
    return {};
  }

  const Config& config_;
  const AgentConfig& agent_;
  StopSignal& signal_;
  const LogFn& log_;
  const std::string host_;
  const std::string client_id_;
  std::optional<agent::StateFile> state_;
  std::unique_ptr<plugin::KafkaTransport> transport_;  ///< outlives trail_
  std::unique_ptr<agent::AuditTrail> trail_;
  AgentMetrics metrics_;
  std::unique_ptr<http::Server> server_;  ///< null: no metrics are served. Asks metrics_
};

}  // namespace

int agent_command(const AgentArgs& args) {
  // Records are allocated and freed on this thread but pass through librdkafka's: one arena for all costs a
  // third less than one for each thread (bench/agent_bench.py), and less memory.
  ::mallopt(M_ARENA_MAX, 1);
  StopSignal signal;
  auto loaded = load_config(args.config, real_world());
  if (!loaded) {
    fmt::print(stderr, "{}", loaded.error());
    return kExitUsage;
  }
  if (!loaded->config.agent.present) {
    fmt::print(stderr,
               "{}:1:1: the key \"agent\" is missing; e.g. agent: {{topic: jsonData, files: "
               "[\"/var/log/app/*.log\"]}}\n",
               loaded->path);
    return kExitUsage;
  }
  const LogFn log = make_log(loaded->config.log, system_clock());
  log(LogLevel::kInfo, fmt::format("waybill {} agent starts with {}", version(), loaded->path));
  AgentProcess process(loaded->config, signal, log);
  auto done = process.start();
  if (done) done = process.run();
  if (done) return kExitFine;
  log(LogLevel::kError, done.error().message);
  return done.error().code == Errc::kInvalid ? kExitUsage : kExitRuntime;
}

}  // namespace waybill::cli
