#pragma once
// The command line of `waybill gen`, for CLI11.

#include <optional>

#include "cli/gen_args.h"
#include "cli/server_line.h"

namespace waybill::cli {

/// What it says. A generator costs its arguments here, a subcommand in gen_line.cc and its command's file.
struct GenLine {
  GenLedgerArgs ledger;
  GenRechargeArgs recharge;
};

/// Returns the subcommand `gen`.
CLI::App* add_gen(CLI::App& app, AddCommand add_command, GenLine& line);
/// Runs the generator that the command line names.
int run_gen(const CLI::App& gen, const GenLine& line);

}  // namespace waybill::cli
