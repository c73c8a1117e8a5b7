#include "cli/stop_signal.h"

#include <csignal>
#include <ctime>

namespace waybill::cli {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

sigset_t hangup_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

StopSignal::StopSignal() {
  sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool StopSignal::wait(Millis wait) {
  sigset_t set = stop_signals();
  timespec limit{};
  limit.tv_sec = wait.count() / 1000;
  limit.tv_nsec = static_cast<long>(wait.count() % 1000) * 1'000'000;
  return sigtimedwait(&set, nullptr, &limit) > 0;
}

HangupSignal::HangupSignal() {
  sigset_t set = hangup_signal();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool HangupSignal::taken() {
  sigset_t set = hangup_signal();
  timespec none{};
  return sigtimedwait(&set, nullptr, &none) > 0;
}

}  // namespace waybill::cli
