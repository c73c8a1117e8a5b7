#pragma once
// `waybill ledger --follow`: a ledger over lines as they come, without a store.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/ledger_args.h"
#include "cli/ledger_settings.h"
#include "cli/stop_signal.h"
#include "flow/record.h"
#include "flow/task.h"

namespace waybill::cli {

/// Where lines come from. Used from one thread.
struct LedgerFeed {
  virtual ~LedgerFeed() = default;
  /// Waits up to `wait`; an empty batch when nothing came. kNotFound: it has ended. Other errors end the
  /// following.
  virtual Result<flow::Batch> poll(Millis wait) = 0;
  virtual flow::Watermark watermark(Now now) = 0;
  /// Whether batches are of files: `topic` of their partition is the path, and offsets are bytes.
  virtual bool files() const { return true; }
  /// Lines that were skipped because they are too long, since the last call.
  virtual uint64_t take_oversized() { return 0; }
};

/// Files and globs as `tail -F` reads them, or "-" alone. Errors: kInvalid, and those of opening "-".
Result<std::unique_ptr<LedgerFeed>> follow_ledger_files(const std::vector<std::string>& files);

/// Prints what changes until SIGINT, SIGTERM or the end of the feed, and the summary then. Returns the exit
/// code.
int follow_ledger(const LedgerArgs& args, const LedgerSettings& settings, int64_t produced_from,
                  uint64_t seed, LedgerFeed& feed, StopSignal& signal);

}  // namespace waybill::cli
