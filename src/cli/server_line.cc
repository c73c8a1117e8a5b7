// With waybill_main.cc the only files that see CLI11.
#include "cli/server_line.h"

#include <CLI/CLI.hpp>

namespace waybill::cli {
namespace {

void add_server(CLI::App* command, ServerArgs& args) {
  command
      ->add_option("--url", args.url, "The server; default: $WAYBILL_URL, else " + std::string(kDefaultUrl))
      ->type_name("URL");
  command->add_option("--token-file", args.token_file, "File with the token; default: $WAYBILL_TOKEN")
      ->type_name("FILE");
}

void add_lost(CLI::App& app, AddCommand add_command, LostArgs& args) {
  CLI::App* command =
      add_command(app, "lost", "List the messages that a group lost, from a running server",
                  "  waybill lost orders                         all groups\n"
                  "  waybill lost orders --group shipping --from -2h\n"
                  "  waybill lost orders --state suspected --state lost --format ndjson | jq .\n"
                  "  waybill lost orders --fail-on lost          exit code 1 when any message is lost\n");
  command->add_option("topic", args.topic, "The topic")->required()->type_name("TOPIC");
  command->add_option("--cluster", args.cluster, "Cluster, when several have a topic of this name")
      ->type_name("NAME");
  command->add_option("--group", args.group, "Consumer group; default: every group")->type_name("NAME");
  command->add_option("--from", args.from, "First message time: -2h, RFC 3339 or epoch ms")
      ->type_name("TIME");
  command->add_option("--to", args.to, "Message time before which it ends")->type_name("TIME");
  command
      ->add_option("--state", args.states,
                   "State, may be repeated: all, lost (the default), suspected, pending, late, redelivered, "
                   "unconfirmed, excused, accepted, replayed")
      ->type_name("STATE")
      ->allow_extra_args(false);
  command
      ->add_option_function<std::string>(
          "--fail-on", [&args](const std::string&) { args.fail_on_lost = true; },
          "lost: exit code 1 when any message is lost")
      ->check(CLI::IsMember({"lost"}));
  static const std::map<std::string, LostArgs::Format> formats = {{"table", LostArgs::Format::kTable},
                                                                  {"json", LostArgs::Format::kJson},
                                                                  {"ndjson", LostArgs::Format::kNdjson}};
  command
      ->add_option_function<std::string>(
          "--format", [&args](const std::string& name) { args.format = formats.at(name); },
          "table (the default), json or ndjson")
      ->check(CLI::IsMember({"table", "json", "ndjson"}));
  add_server(command, args.server);
}

void add_doctor(CLI::App& app, AddCommand add_command, DoctorArgs& args) {
  CLI::App* command =
      add_command(app, "doctor", "Say what would not work, and what to do about it",
                  "  waybill doctor                              with ./waybill.yaml\n"
                  "  waybill doctor --topic orders               may the losses of that topic be proven?\n"
                  "  waybill doctor --client-config shop.properties   as that client\n");
  command
      ->add_option("-c,--config", args.config,
                   "Configuration; default ./waybill.yaml, then /etc/waybill/waybill.yaml")
      ->type_name("FILE");
  command->add_option("--client-config", args.client_config, "name=value lines of a librdkafka client")
      ->type_name("FILE");
  command->add_option("--plugin", args.plugin, "The plugin; default: the client's, else libwaybill_rdkafka")
      ->type_name("FILE");
  command->add_option("--topic", args.topics, "Topic of messages that are verified; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
}

}  // namespace

void add_server_commands(CLI::App& app, AddCommand add_command, ServerLine& line) {
  add_lost(app, add_command, line.lost);
  add_doctor(app, add_command, line.doctor);
}

std::optional<int> run_server_command(const std::string& command, const ServerLine& line) {
  if (command == "lost") return lost_command(line.lost);
  if (command == "doctor") return doctor_command(line.doctor);
  return std::nullopt;
}

}  // namespace waybill::cli
