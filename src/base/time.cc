#include "base/time.h"

namespace waybill {
namespace {

class SystemClock final : public Clock {
 public:
  Now now() const override {
    using std::chrono::duration_cast;
    return {duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count(),
            duration_cast<Millis>(std::chrono::steady_clock::now().time_since_epoch()).count()};
  }
};

}  // namespace

const Clock& system_clock() {
  // Never destroyed: threads that outlive main() still ask for the time.
  static const SystemClock& clock = *new SystemClock();
  return clock;
}

}  // namespace waybill
