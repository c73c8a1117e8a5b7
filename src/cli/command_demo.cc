// waybill demo: a cluster, clients with planted faults, and the whole of `waybill run`, in one process.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

#include "cli/alert_config.h"
#include "cli/commands.h"
#include "cli/demo_clients.h"
#include "cli/demo_cluster.h"
#include "cli/demo_figures.h"
#include "cli/finish.h"
#include "cli/logger.h"
#include "cli/service.h"
#include "cli/stop_signal.h"
#include "cli/values.h"

namespace waybill::cli {
namespace {

constexpr int kAuditPartitions = 16;
constexpr Millis kTellEvery{5000};
constexpr Millis kLookEvery{200};
constexpr Millis kSettleMax{30'000};  ///< for the last reports to be judged

/// A folder that goes away with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::error_code error;
    std::string name = (std::filesystem::temp_directory_path(error) / "waybill-demo-XXXXXX").string();
    if (!error && mkdtemp(name.data())) path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Beside the program, or in ../lib as installed.
Result<std::string> find_plugin() {
  std::error_code error;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  for (const std::filesystem::path& folder : {self.parent_path(), self.parent_path().parent_path() / "lib"}) {
    std::filesystem::path plugin = folder / "libwaybill_rdkafka.so";
    if (std::filesystem::exists(plugin, error)) return plugin.string();
  }
  return fail(Errc::kNotFound,
              fmt::format("libwaybill_rdkafka.so is neither beside {} nor in ../lib", self.string()));
}

Config demo_config(const std::string& folder, const std::string& bootstrap, uint16_t port) {
  Config config;
  config.listen.port = port;
  config.store = "sqlite:" + folder + "/demo.db";
  config.clusters = {{"demo", {{"bootstrap.servers", bootstrap}}}};
  config.audit.clusters = {"demo"};
  config.audit.partitions = kAuditPartitions;
  config.alerts.definitions = ready_alerts();
  config.log.level = LogLevel::kWarn;
  return config;
}

/// Everything that runs. Members are stopped from the bottom.
class Demo {
 public:
  Result<void> start(int port, const LogFn& log) {
    auto plugin = find_plugin();
    if (!plugin) return tl::make_unexpected(plugin.error());
    if (folder_.path().empty()) return fail(Errc::kUnavailable, "no temporary folder can be made");
    auto cluster = DemoCluster::start();
    if (!cluster) return tl::make_unexpected(cluster.error());
    cluster_ = std::make_unique<DemoCluster>(std::move(*cluster));
    for (auto [topic, partitions] :
         {std::pair{"orders", 4}, std::pair{"payments", 2}, std::pair{"waybill-reports", kAuditPartitions}}) {
      if (auto made = cluster_->create_topic(topic, partitions); !made) return made;
    }
    if (auto started = start_service(port, log); !started) return started;
    return start_clients(*plugin);
  }

  uint16_t port() const { return service_->port(); }

  DemoFigures planted() const {
    std::vector<DemoWitness> producers;
    for (const auto& producer : producers_) producers.push_back(producer->witness());
    std::map<std::string, std::vector<DemoWitness>> groups;
    for (const auto& [group, consumer] : consumers_) groups[group].push_back(consumer->witness());
    return planted_figures(producers, groups);
  }

  Result<DemoFigures> found(const DemoFigures& like) { return found_figures(service_->store(), like); }

  /// How many seeks forward and back were made.
  std::pair<int64_t, int64_t> seeks() const {
    std::pair<int64_t, int64_t> sum;
    for (const auto& [group, consumer] : consumers_) {
      DemoWitness witness = consumer->witness();
      sum.first += witness.skips;
      sum.second += witness.repeats;
    }
    return sum;
  }

  void stop_clients() {
    for (auto& producer : producers_) producer->stop();
    for (auto& [group, consumer] : consumers_) consumer->stop();
  }

 private:
  Result<void> start_service(int port, const LogFn& log) {
    Config config = demo_config(folder_.path(), cluster_->bootstrap_servers(), static_cast<uint16_t>(port));
    auto service = Service::start(config, system_clock(), log);
    if (!service && port != 0) {
      config.listen.port = 0;
      service = Service::start(config, system_clock(), log);
    }
    if (!service) return tl::make_unexpected(service.error());
    service_ = std::move(*service);
    return {};
  }

  Result<void> start_clients(const std::string& plugin) {
    auto client = [&](std::string id) {
      return DemoClientOptions{cluster_->bootstrap_servers(), plugin, std::move(id)};
    };
    for (const DemoConsumerOptions& options :
         {DemoConsumerOptions{client("shipping-1"), "shipping", {"orders"}, true, 0},
          DemoConsumerOptions{client("analytics-1"), "analytics", {"orders", "payments"}, false, 60}}) {
      auto consumer = DemoClient::consume(options);
      if (!consumer) return tl::make_unexpected(consumer.error());
      consumers_.emplace_back(options.group, std::move(*consumer));
    }
    for (const DemoProducerOptions& options : {DemoProducerOptions{client("web-shop"), "orders", 100},
                                               DemoProducerOptions{client("mobile-app"), "orders", 60},
                                               DemoProducerOptions{client("billing"), "payments", 40}}) {
      auto producer = DemoClient::produce(options);
      if (!producer) return tl::make_unexpected(producer.error());
      producers_.push_back(std::move(*producer));
    }
    return {};
  }

  TemporaryFolder folder_;
  std::unique_ptr<DemoCluster> cluster_;
  std::unique_ptr<Service> service_;
  std::vector<std::pair<std::string, std::unique_ptr<DemoClient>>> consumers_;
  std::vector<std::unique_ptr<DemoClient>> producers_;
};

void tell(Demo& demo, int64_t seconds) {
  DemoFigures planted = demo.planted();
  auto found = demo.found(planted);
  if (!found) return;
  std::map<std::string, int64_t> sums;
  for (const auto& [key, count] : *found) sums[std::get<2>(key)] += count;
  auto [skips, repeats] = demo.seeks();
  fmt::print(stderr,
             "{:>4} s  planted: {} skips, {} repeats  found: {} produced, {} failed, {} consumed, {} "
             "lost, {} redelivered, {} "
             "pending\n",
             seconds, skips, repeats, with_commas(sums["produced"]), sums["failed"],
             with_commas(sums["consumed"]), sums["lost"], sums["redelivered"],
             with_commas(sums["pending"]));
}

/// Until the time is over or a stop is asked for.
void watch(Demo& demo, std::optional<Millis> run_for, StopSignal& signal) {
  int64_t begin = system_clock().now().steady_ms;
  int64_t next = begin + kTellEvery.count();
  while (!signal.wait(kLookEvery)) {
    int64_t now = system_clock().now().steady_ms;
    if (run_for && now - begin >= run_for->count()) return;
    if (now < next) continue;
    tell(demo, (now - begin) / 1000);
    next += kTellEvery.count();
  }
}

/// Waits until the store says what the clients saw, or for kSettleMax.
Result<DemoFigures> settle(Demo& demo, const DemoFigures& planted, StopSignal& signal) {
  int64_t until = system_clock().now().steady_ms + kSettleMax.count();
  for (;;) {
    auto found = demo.found(planted);
    if (!found || *found == planted || system_clock().now().steady_ms >= until || signal.wait(kLookEvery))
      return found;
  }
}

}  // namespace

int demo_command(const DemoArgs& args) {
  std::optional<Millis> run_for;
  if (!args.run_for.empty()) {
    auto parsed = parse_duration(args.run_for);
    if (!parsed) {
      fmt::print(stderr, "--for: {}\n", parsed.error().message);
      return kExitUsage;
    }
    run_for = *parsed;
  }
  StopSignal signal;
  LogFn log = make_log({.level = LogLevel::kWarn}, system_clock());
  auto demo = std::make_unique<Demo>();
  if (auto started = demo->start(args.port, log); !started) {
    fmt::print(stderr, "waybill demo: {}\n", started.error().message);
    return kExitRuntime;
  }
  fmt::print("http://127.0.0.1:{}/\n", demo->port());
  std::fflush(stdout);
  fmt::print(stderr, "3 producers, 2 groups, planted skips, repeats, failed sends and a slow group; {}\n",
             run_for ? "for " + duration_text(*run_for) : "Ctrl-C ends it");
  watch(*demo, run_for, signal);
  fmt::print(stderr, "stopping the clients, waiting for their last reports\n");
  demo->stop_clients();
  DemoFigures planted = demo->planted();
  auto [skips, repeats] = demo->seeks();
  auto found = settle(*demo, planted, signal);
  if (found) {
    fmt::print("planted: {} seeks forward, {} seeks back, failed sends, a slow group\n{}", skips, repeats,
               demo_table(planted, *found, wants_colour(STDOUT_FILENO)));
    fmt::print("{}\n", *found == planted ? "Everything that was planted was found, nothing else."
                                         : "Planted and found differ.");
    std::fflush(stdout);
  } else {
    fmt::print(stderr, "waybill demo: {}\n", found.error().message);
  }
  if (!finish([&] { demo.reset(); }, signal, log)) _exit(kExitRuntime);
  if (!found) return kExitRuntime;
  return args.check && *found != planted ? kExitFindings : kExitFine;
}

}  // namespace waybill::cli
