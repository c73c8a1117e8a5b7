#pragma once
// The command line of `waybill kpi`.

#include <string>
#include <vector>

#include "cli/kpi_output.h"
#include "cli/server_line.h"

namespace waybill::cli {

struct KpiArgs {
  std::vector<std::string> files;  ///< empty or "-": the standard input
  std::string config;
  std::vector<std::string> names;  ///< empty = all
  bool follow = false;
  KpiOutput::Format format = KpiOutput::Format::kTable;
};
int kpi_command(const KpiArgs& args);

void add_kpi_command(CLI::App& app, AddCommand add_command, KpiArgs& args);

}  // namespace waybill::cli
