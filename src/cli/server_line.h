#pragma once
// The command lines of the commands that speak to a running server, and of doctor.

#include <optional>
#include <string>

#include "cli/commands.h"

namespace CLI {
class App;
}

namespace waybill::cli {

/// What these command lines say. Lives as long as the CLI::App that fills it.
struct ServerLine {
  LostArgs lost;
  AcceptArgs accept;
  ReplayArgs replay;
  DoctorArgs doctor;
  TopArgs top;
};

/// Makes a subcommand with a formatter that shows examples first: name, what it does, examples.
using AddCommand = CLI::App* (*)(CLI::App& app, const std::string& name, const std::string& what,
                                 std::string examples);

void add_server_commands(CLI::App& app, AddCommand add_command, ServerLine& line);
/// The exit code, or nullopt when `command` is none of them.
std::optional<int> run_server_command(const std::string& command, const ServerLine& line);

}  // namespace waybill::cli
