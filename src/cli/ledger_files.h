#pragma once
// A ledger over an input that ends: blocks are read one after the other, decoded and matched by several
// threads, in the input's order.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/ledger_input.h"
#include "cli/ledger_settings.h"
#include "ledger/line_reader.h"
#include "ledger/totals.h"

namespace waybill::cli {

struct LedgerReadOptions {
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
  std::string place;  ///< "FILE:LINE" from 1, or "TOPIC[PARTITION]@OFFSET"
  ledger::Fault fault = ledger::Fault::kBroken;
  std::string text;
};

/// What a ledger says of its input.
struct LedgerFindings {
  ledger::LineCounts counts;
  ledger::Totals totals{{}};
  std::vector<ledger::ProducerName> names;  ///< the roster; indices as in totals
  std::vector<MalformedPlace> malformed;
  std::vector<Error> errors;  ///< what could not be read to its end
  std::vector<std::unique_ptr<ledger::Shard>> shards;
};

/// Reads the input to its end. `seed`: a secret random number.
LedgerFindings read_ledger(const LedgerSettings& settings, LedgerInput& input,
                           const LedgerReadOptions& options, uint64_t seed);

}  // namespace waybill::cli
