#pragma once
// How the last reading of the configuration ended.

#include <atomic>
#include <cstdint>

namespace waybill::cli {

/// Written by the thread that reloads, read by any.
struct ReloadStatus {
  std::atomic<bool> successful{true};
  std::atomic<int64_t> loaded_ms{0};        ///< epoch ms of the configuration that is in use
  std::atomic<int64_t> sources_skipped{0};  ///< entries of `sls:` that are empty or incomplete
};

}  // namespace waybill::cli
