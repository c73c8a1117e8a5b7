#pragma once
// Files through the KPI engine, on several threads; the result does not depend on how many.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kpi/book.h"
#include "kpi/scanner.h"

namespace waybill::cli {

/// Scans blocks of whole lines. One thread.
class BlockScanner {
 public:
  explicit BlockScanner(std::shared_ptr<const kpi::Program> program);
  ~BlockScanner();
  /// `bytes`: whole lines, with decode::kScanPadding readable bytes behind them. Empty lines are passed over.
  /// The place of a line is its number in the block, from 0.
  kpi::Partial scan(std::string_view bytes, int64_t now_ms);
  /// The partial of one line that is too long to be read.
  kpi::Partial oversized(int64_t now_ms);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct KpiScanOptions {
  std::vector<std::string> files{};  ///< "-" is the standard input
  int threads = 1;                   ///< >= 1
  int64_t now_ms = 0;
  std::function<bool()> stopped{};  ///< any thread; ends the scan at a block
};

/// Reads the files one after the other into `book`. A file that cannot be read, or not to its end, is an
/// error in the returned list; what was read before it counts. Memory: 1 MiB a thread, and two lines of at
/// most 64 MiB.
std::vector<Error> scan_files(kpi::Book& book, const std::shared_ptr<const kpi::Program>& program,
                              const KpiScanOptions& options);

}  // namespace waybill::cli
