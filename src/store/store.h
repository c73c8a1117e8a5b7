#pragma once
// The stores behind flow::Store.

#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "flow/store.h"

namespace waybill::store {

struct StoreOptions {
  /// "sqlite:PATH" (relative to the working directory), "postgresql://user:password@host:port/database",
  /// "mysql://..." or "mariadb://..."; options behind "?" (docs/configuration.md). "sqlite:PATH?max_pages=N"
  /// bounds the file to N pages of 4096 bytes: beyond, commits fail with kLimit and nothing of them is
  /// written.
  std::string url;
  flow::RetentionConfig retention;
};

/// Opens or creates the store. One on a server may be shared by any number of processes. Errors: kConflict
/// (another process holds it), kDenied or kUnavailable (path, with the reason), kCorrupt (not our database or
/// schema), kUnsupported (a newer schema, an unknown scheme: the message lists the known ones).
Result<std::unique_ptr<flow::Store>> open_store(const StoreOptions& options, LogFn log);

}  // namespace waybill::store
