#pragma once
// SIGTERM, SIGINT and SIGHUP as values. One of each per process, made before any thread.

#include "base/time.h"

namespace waybill::cli {

class StopSignal {
 public:
  /// Blocks both signals in this thread and in all that it starts; ignores SIGPIPE.
  StopSignal();
  /// Waits up to `wait`; true when a stop was asked for in that time.
  bool wait(Millis wait);
};

class HangupSignal {
 public:
  /// Blocks SIGHUP in this thread and in all that it starts; without one, SIGHUP ends the process.
  HangupSignal();
  /// Whether a SIGHUP came since the last call.
  bool taken();
};

}  // namespace waybill::cli
