#pragma once
// The command line of `waybill gen`: data with known truth.

#include <string>

#include "ledger/generator.h"

namespace waybill::cli {

struct GenLedgerArgs {
  ledger::GeneratorOptions options;
  std::string out = "-";  ///< lines; "-" is the standard output
  std::string truth;      ///< the truth as JSON; empty: not written
};
int gen_ledger_command(const GenLedgerArgs& args);

}  // namespace waybill::cli
