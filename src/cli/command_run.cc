// waybill run and waybill check.
#include <fmt/format.h>
#include <unistd.h>

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

}  // namespace

int run_command(const RunArgs& args) {
  StopSignal signal;
  auto loaded = load_config(args.config, real_world());
  if (!loaded) {
    fmt::print(stderr, "{}", loaded.error());
    return kExitUsage;
  }
  LogFn log = make_log(loaded->config.log, system_clock());
  log(LogLevel::kInfo, fmt::format("waybill {} starts with {}", version(), loaded->path));
  auto service = Service::start(std::move(loaded->config), system_clock(), log);
  if (!service) {
    log(LogLevel::kError, service.error().message);
    return kExitRuntime;
  }
  std::optional<Error> failed;
  while (!signal.wait(kLookEvery)) {
    if ((failed = (*service)->failed())) break;
  }
  log(LogLevel::kInfo, "stopping: finishing the batch, committing, leaving the group");
  if (!finish([&] { service->reset(); }, signal, log)) _exit(kExitRuntime);
  if (failed) return failed->code == Errc::kInvalid ? kExitUsage : kExitRuntime;
  return kExitFine;
}

int check_command(const RunArgs& args) {
  auto loaded = load_config(args.config, real_world());
  if (!loaded) {
    fmt::print(stderr, "{}", loaded.error());
    return kExitUsage;
  }
  fmt::print("{}: fine\n", loaded->path);
  return kExitFine;
}

}  // namespace waybill::cli
