#include "cli/service.h"

#include <fmt/format.h>

#include <condition_variable>
#include <iterator>
#include <vector>

#include "cli/alert_job.h"
#include "cli/api.h"
#include "cli/engines.h"
#include "cli/forward_job.h"
#include "cli/host.h"
#include "cli/noticing_store.h"
#include "cli/stream_job.h"
#include "flow/joined_store.h"
#include "store/store.h"

namespace waybill::cli {
namespace {

constexpr Millis kExpireEvery{30'000};
constexpr Millis kExpireLease{60'000};
constexpr int kStreamsMax = 64;  ///< open pages that are told what changes
constexpr int kExpireRoundsMax = 100;  ///< of bounded work, before others may have the lease

/// Deletes old rows, in the one process that holds the lease.
class Housekeeping {
 public:
  using Tables = std::vector<const flow::TableSpec*>;
  Housekeeping(flow::Store& store, Tables tables, const Clock& clock, flow::OwnerId owner, LogFn log)
      : store_(store),
        tables_(std::move(tables)),
        clock_(clock),
        owner_(std::move(owner)),
        log_(std::move(log)) {
    thread_ = std::jthread([this](std::stop_token stop) { run(std::move(stop)); });
  }

 private:
  void run(std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any woken;
    std::unique_lock lock(mutex);
    do {
      if (auto done = expire(stop); !done) {
        log_(LogLevel::kWarn, "deleting old rows failed, it will be tried again: " + done.error().message);
      }
    } while (!woken.wait_for(lock, stop, kExpireEvery, [] { return false; }) && !stop.stop_requested());
  }

  Result<void> expire(const std::stop_token& stop) {
    auto lease = store_.lease("expire", owner_, kExpireLease, clock_.now());
    if (!lease) return tl::make_unexpected(lease.error());
    if (!lease->held) return {};
    for (int round = 0; round < kExpireRoundsMax && !stop.stop_requested(); ++round) {
      auto deleted = store_.expire(tables_, clock_.now());
      if (!deleted) return tl::make_unexpected(deleted.error());
      if (*deleted == 0) return {};
    }
    return {};
  }

  flow::Store& store_;
  Tables tables_;
  const Clock& clock_;
  flow::OwnerId owner_;
  LogFn log_;
  std::jthread thread_;
};

class RunningService : public Service {
 public:
  RunningService(Config config, const Clock& clock, LogFn log, const ReloadStatus* reload)
      : config_(std::move(config)), clock_(clock), log_(std::move(log)), reload_(reload) {}

  ~RunningService() override {
    // All at once first; the destructors then wait for each. The server goes first of all members: it asks
    // the others.
    for (auto& job : jobs_) job->request_stop();
    if (forward_) forward_->request_stop();
    if (alerts_) alerts_->request_stop();
    if (live_) live_->stop();
  }

  Result<void> start() {
    auto store = store::open_store({.url = config_.store, .retention = config_.retention}, log_);
    if (!store) return tl::make_unexpected(std::move(store.error()));
    store_ = std::make_unique<NoticingStore>(std::move(*store), clock_, log_);
    joined_ = flow::make_joined_store(*store_);
    std::string owner = owner_id();
    forward_ = make_forward_job({config_, *store_, clock_, owner, log_}, *joined_);
    std::vector<const flow::TableSpec*> tables;
    std::vector<http::Route> routes;
    for (EngineParts& engine : make_engines(config_, *store_, clock_)) {
      tables.insert(tables.end(), engine.tables.begin(), engine.tables.end());
      std::move(engine.routes.begin(), engine.routes.end(), std::back_inserter(routes));
      for (StreamJobSpec& job : engine.jobs) add_job(std::move(job), owner);
    }
    if (auto ready = store_->ensure(tables); !ready) return tl::make_unexpected(std::move(ready.error()));
    alerts_ = make_alert_job({config_, *joined_, clock_, owner, log_}, [this] { return statuses(); });
    if (auto open = open_server(std::move(routes)); !open) return open;
    for (auto& job : jobs_) job->start();
    if (forward_) forward_->start();
    alerts_->start();
    housekeeping_ = std::make_unique<Housekeeping>(*store_, std::move(tables), clock_, owner, log_);
    return {};
  }

  uint16_t port() const override { return server_->port(); }
  flow::Store& store() override { return *store_; }

  std::optional<Error> failed() const override {
    std::optional<Error> first;
    for (const auto& job : jobs_) {
      JobStatus status = job->status();
      if (!status.error) return std::nullopt;
      if (!first) first = std::move(status.error);
    }
    return first;
  }

 private:
  void add_job(StreamJobSpec spec, const std::string& owner) {
    flow::Store& store = forward_ ? forward_->bounded_store() : *joined_;
    jobs_.push_back(
        std::make_unique<StreamJob>(JobParts{config_, store, clock_, owner, log_}, std::move(spec)));
  }

  Result<void> open_server(std::vector<http::Route> of_engines) {
    ApiParts parts{
        .store = *store_, .clock = clock_, .statuses = [this] { return statuses(); }, .reload = reload_,
        .tokens = config_.tokens};
    if (forward_) parts.outbox = &forward_->figures();
    parts.alerts = &alerts_->figures();
    for (const http::Route& route : of_engines) {
      for (const char* name : {"ledgers", "watches", "kpis", "alerts"}) {
        if (route.method == "GET" && route.pattern == std::string("/api/v1/") + name) parts.engines.emplace_back(name);
      }
    }
    parts.hub = std::make_shared<http::EventHub>(kStreamsMax, http::event_text("change", R"({"all":true})"));
    live_ = std::make_shared<LiveBoard>(*store_, clock_, parts.hub, live_probes(parts, of_engines), log_);
    parts.live = live_;
    std::vector<http::Route> routes = api_routes(std::move(parts));
    std::move(of_engines.begin(), of_engines.end(), std::back_inserter(routes));
    http::ServerOptions options{
        .address = config_.listen.host, .port = config_.listen.port, .tokens = config_.tokens};
    auto server = http::Server::open(std::move(options), std::move(routes), log_);
    if (!server) return tl::make_unexpected(std::move(server.error()));
    server_ = std::move(*server);
    bool v6 = config_.listen.host.find(':') != std::string::npos;
    log_(LogLevel::kInfo, fmt::format("listening on http://{}{}{}:{}/", v6 ? "[" : "", config_.listen.host,
                                      v6 ? "]" : "", server_->port()));
    return {};
  }

  std::vector<JobStatus> statuses() const {
    std::vector<JobStatus> all;
    for (const auto& job : jobs_) all.push_back(job->status());
    return all;
  }

  Config config_;
  const Clock& clock_;
  LogFn log_;
  const ReloadStatus* reload_;
  std::unique_ptr<flow::Store> store_;
  std::unique_ptr<flow::Store> joined_;  ///< store_ with the commits of all jobs joined
  std::unique_ptr<ForwardJob> forward_;  ///< null: no watch forwards
  std::vector<std::unique_ptr<StreamJob>> jobs_;
  std::unique_ptr<AlertJob> alerts_;  ///< asks jobs_
  std::unique_ptr<Housekeeping> housekeeping_;
  std::shared_ptr<LiveBoard> live_;       ///< shared with the routes of server_, which ask it
  std::unique_ptr<http::Server> server_;  ///< asks jobs_ and store_
};

}  // namespace

Result<std::unique_ptr<Service>> Service::start(Config config, const Clock& clock, LogFn log,
                                                const ReloadStatus* reload) {
  auto service = std::make_unique<RunningService>(std::move(config), clock, std::move(log), reload);
  if (auto started = service->start(); !started) return tl::make_unexpected(std::move(started.error()));
  return service;
}

}  // namespace waybill::cli
