#pragma once
// The command line of `waybill gen`: data with known truth.

#include <string>

#include "kpi/generator.h"
#include "ledger/generator.h"

namespace waybill::cli {

struct GenLedgerArgs {
  ledger::GeneratorOptions options;
  std::string out = "-";  ///< lines; "-" is the standard output
  std::string truth;      ///< the truth as JSON; empty: not written
};
int gen_ledger_command(const GenLedgerArgs& args);

struct GenRechargeArgs {
  kpi::GeneratorOptions options;
  std::string out = "-";  ///< lines; "-" is the standard output
  std::string truth;      ///< the truth as JSON; empty: not written
};
int gen_recharge_command(const GenRechargeArgs& args);

}  // namespace waybill::cli
