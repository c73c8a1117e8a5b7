#pragma once
// SIGTERM and SIGINT as values. One per process, made before any thread.

#include "base/time.h"

namespace waybill::cli {

class StopSignal {
 public:
  /// Blocks both signals in this thread and in all that it starts; ignores SIGPIPE.
  StopSignal();
  /// Waits up to `wait`; true when a stop was asked for in that time.
  bool wait(Millis wait);
};

}  // namespace waybill::cli
