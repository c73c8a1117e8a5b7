#include "cli/finish.h"

#include <atomic>
#include <memory>
#include <thread>

namespace waybill::cli {

bool finish(std::function<void()> stop, StopSignal& signal, const LogFn& log) {
  constexpr Millis kLookEvery{20};
  // Shared with a thread that may outlive this call.
  auto done = std::make_shared<std::atomic<bool>>(false);
  std::thread stopper([stop = std::move(stop), done] {
    stop();
    *done = true;
  });
  Now begin = system_clock().now();
  while (!*done) {
    bool again = signal.wait(kLookEvery);
    bool late = system_clock().now().steady_ms - begin.steady_ms > kFinishMax.count();
    if (!*done && (again || late)) {
      log(LogLevel::kWarn, again ? "asked twice: quitting at once" : "not finished after 10 s: quitting");
      stopper.detach();
      return false;
    }
  }
  stopper.join();
  return true;
}

}  // namespace waybill::cli
