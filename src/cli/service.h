#pragma once
// What `waybill run` runs: store, one collector per audited cluster, housekeeping, HTTP. The demo runs the
// same.

#include <cstdint>
#include <memory>
#include <optional>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/config.h"
#include "cli/reload_status.h"
#include "flow/store.h"

namespace waybill::cli {

class Service {
 public:
  /// Opens the store and the port; the rest goes on in the background, also when no broker answers yet.
  /// `clock` outlives it. Errors: those of store::open_store and http::Server::open.
  /// `reload` is for the metrics and outlives it too; null = none.
  static Result<std::unique_ptr<Service>> start(Config config, const Clock& clock, LogFn log,
                                                const ReloadStatus* reload = nullptr);
  virtual ~Service() = default;  ///< stops: batches finished, committed, groups left, store closed; seconds
  virtual uint16_t port() const = 0;
  virtual flow::Store& store() = 0;  ///< lives as long as the service
  /// Set when every audited cluster has stopped for good: there is nothing left to do. Any thread.
  virtual std::optional<Error> failed() const = 0;
};

}  // namespace waybill::cli
