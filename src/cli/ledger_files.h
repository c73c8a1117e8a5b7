#pragma once
// A ledger over files: blocks are read one after the other, decoded and matched by several threads, in the
// files' order.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/ledger_settings.h"
#include "ledger/line_reader.h"
#include "ledger/totals.h"

namespace waybill::cli {

struct LedgerFilesOptions {
  unsigned threads = 1;  ///< 1 to 64
  size_t batch_lines = 256;
  int64_t produced_from = 0;     ///< epoch ms; messages produced before are ignored
  bool list_unconsumed = false;  ///< ids are kept for it
  bool list_duplicated = false;
  bool list_malformed = false;  ///< all of them instead of kMalformedSample
  bool plain = false;           ///< the reference decoder
  static constexpr size_t kMalformedSample = 20;
};

struct MalformedPlace {
  std::string file;
  uint64_t line = 0;  ///< from 1
  ledger::Fault fault = ledger::Fault::kBroken;
  std::string text;
};

/// What a ledger says of its files.
struct LedgerFindings {
  ledger::LineCounts counts;
  ledger::Totals totals{{}};
  std::vector<ledger::ProducerName> names;  ///< the roster; indices as in totals
  std::vector<MalformedPlace> malformed;
  std::vector<Error> errors;  ///< files that could not be read to their end
  std::vector<std::unique_ptr<ledger::Shard>> shards;
};

/// Reads the files to their ends, in this order. `seed`: a secret random number. `stopped` is asked per
/// block.
LedgerFindings read_ledger_files(const LedgerSettings& settings, const std::vector<std::string>& files,
                                 const LedgerFilesOptions& options, uint64_t seed,
                                 const std::function<bool()>& stopped);

}  // namespace waybill::cli
