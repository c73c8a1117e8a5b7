// Sees CLI11, like waybill_main.cc.
#include "cli/agent_line.h"

#include <CLI/CLI.hpp>

namespace waybill::cli {

void add_agent_command(CLI::App& app, AddCommand add_command, AgentArgs& args) {
  CLI::App* command =
      add_command(app, "agent", "Follow log files and put their lines into a topic",
                  "  waybill agent                  with ./waybill.yaml or /etc/waybill/waybill.yaml\n"
                  "  waybill agent -c agent.yaml\n");
  command
      ->add_option("-c,--config", args.config,
                   "Configuration with agent:; default ./waybill.yaml, then /etc/waybill/waybill.yaml")
      ->type_name("FILE");
}

}  // namespace waybill::cli
