// waybill run and waybill check.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/finish.h"
#include "cli/host.h"
#include "cli/logger.h"
#include "cli/service.h"
#include "cli/stop_signal.h"

namespace waybill::cli {
namespace {

constexpr Millis kLookEvery{250};

/// The running service and the configuration that it was started with.
class Running {
 public:
  Running(Config config, StopSignal& signal)
      : config_(std::move(config)), signal_(signal), log_(make_log(config_.log, system_clock())) {}

  const LogFn& log() const { return log_; }

  Result<void> start() {
    auto service = Service::start(config_, system_clock(), log_, &status_);
    if (!service) return tl::make_unexpected(std::move(service.error()));
    service_ = std::move(*service);
    for (const Diagnostic& left_out : config_.sources.skipped)
      log_(LogLevel::kWarn, left_out.message + "; it is left out, the others are read");
    status_.sources_skipped = static_cast<int64_t>(config_.sources.skipped.size());
    status_.loaded_ms = system_clock().now().wall_ms;
    return {};
  }

  std::optional<Error> failed() const { return service_->failed(); }

  /// Ends the process when the orderly end takes too long.
  void stop() {
    if (!finish([this] { service_.reset(); }, signal_, log_)) _exit(kExitRuntime);
  }

  /// A file that is wrong, or a service that does not start with it, leaves the old configuration in use. An
  /// error when that does not start again either.
  Result<void> reload(const std::string& path) {
    auto loaded = load_config(path, real_world());
    if (!loaded) {
      keep_old(loaded.error());
      return {};
    }
    log_(LogLevel::kInfo, fmt::format("SIGHUP: starting anew with {}", loaded->path));
    stop();
    Config old = std::exchange(config_, std::move(loaded->config));
    log_ = make_log(config_.log, system_clock());
    auto started = start();
    status_.successful = started.has_value();
    if (started) return {};
    config_ = std::move(old);
    log_ = make_log(config_.log, system_clock());
    keep_old(started.error().message);
    return start();
  }

 private:
  void keep_old(std::string why) {
    while (why.ends_with('\n')) why.pop_back();
    status_.successful = false;
    log_(LogLevel::kError, "SIGHUP: the configuration is not taken, the old one stays in use: " + why);
  }

  Config config_;
  StopSignal& signal_;
  LogFn log_;
  ReloadStatus status_;
  std::unique_ptr<Service> service_;  ///< reads status_
};

}  // namespace

int run_command(const RunArgs& args) {
  StopSignal signal;
  HangupSignal hangup;
  auto loaded = load_config(args.config, real_world());
  if (!loaded) {
    fmt::print(stderr, "{}", loaded.error());
    return kExitUsage;
  }
  Running running(std::move(loaded->config), signal);
  running.log()(LogLevel::kInfo, fmt::format("waybill {} starts with {}", version(), loaded->path));
  auto started = running.start();
  std::optional<Error> failed;
  while (started && !signal.wait(kLookEvery)) {
    if ((failed = running.failed())) break;
    if (hangup.taken()) started = running.reload(args.config);
  }
  if (!started) {
    running.log()(LogLevel::kError, started.error().message);
    return kExitRuntime;
  }
  running.log()(LogLevel::kInfo, "stopping: finishing the batch, committing, leaving the group");
  running.stop();
  if (failed) return failed->code == Errc::kInvalid ? kExitUsage : kExitRuntime;
  return kExitFine;
}

int check_command(const RunArgs& args) {
  auto loaded = load_config(args.config, real_world());
  if (!loaded) {
    fmt::print(stderr, "{}", loaded.error());
    return kExitUsage;
  }
  for (const Diagnostic& left_out : loaded->config.sources.skipped)
    fmt::print(stderr, "{}\n", left_out.str(loaded->path));
  if (!loaded->config.sources.skipped.empty()) return kExitUsage;
  fmt::print("{}: fine\n", loaded->path);
  return kExitFine;
}

}  // namespace waybill::cli
