#pragma once
// The stores behind flow::Store.

#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "flow/store.h"

namespace waybill::store {

struct StoreOptions {
  std::string
      url;  ///< "sqlite:PATH" (relative to the working directory), later "postgresql:...", "mysql:..."
  flow::RetentionConfig retention;
};

/// Opens or creates the store. Errors: kConflict (another process holds it), kDenied or kUnavailable (path,
/// with the reason), kCorrupt (not our database), kUnsupported (a newer schema, an unknown scheme: the
/// message lists the known ones).
Result<std::unique_ptr<flow::Store>> open_store(const StoreOptions& options, LogFn log);

}  // namespace waybill::store
