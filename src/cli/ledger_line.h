#pragma once
// The command line of `waybill ledger`, for CLI11.

#include "cli/ledger_args.h"
#include "cli/server_line.h"

namespace waybill::cli {

void add_ledger(CLI::App& app, AddCommand add_command, LedgerArgs& args);

}  // namespace waybill::cli
