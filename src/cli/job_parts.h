#pragma once
// What every job of `waybill run` works with.

#include "base/log.h"
#include "base/time.h"
#include "cli/config.h"
#include "flow/store.h"

namespace waybill::cli {

/// What it refers to outlives the job.
struct JobParts {
  const Config& config;
  flow::Store& store;  ///< its tables are ensured before the job starts
  const Clock& clock;
  flow::OwnerId owner;
  LogFn log;
};

}  // namespace waybill::cli
