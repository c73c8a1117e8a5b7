#pragma once
// The command lines of `waybill watch` and `waybill rules`, for CLI11.

#include "cli/server_line.h"
#include "cli/watch_args.h"

namespace waybill::cli {

struct WatchLine {
  WatchArgs watch;
  RulesArgs rules;
};

void add_watch(CLI::App& app, AddCommand add_command, WatchLine& line);
/// Runs the subcommand of `rules` that the command line names.
int run_rules(const CLI::App& rules, const WatchLine& line);

}  // namespace waybill::cli
