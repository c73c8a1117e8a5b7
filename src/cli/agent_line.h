#pragma once
// `waybill agent`: log files to Kafka.

#include <string>

#include "cli/server_line.h"

namespace waybill::cli {

struct AgentArgs {
  std::string config;  ///< empty: the default files
};
/// Until SIGTERM or SIGINT; then what is under way is finished, for at most 10 s. A failure of the brokers is
/// waited out.
int agent_command(const AgentArgs& args);

void add_agent_command(CLI::App& app, AddCommand add_command, AgentArgs& args);

}  // namespace waybill::cli
