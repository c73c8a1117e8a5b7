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

void add_losses(CLI::App* command, std::string& topic, LossArgs& what) {
  command->add_option("topic", topic, "The topic")->required()->type_name("TOPIC");
  command->add_option("--group", what.group, "Consumer group")->required()->type_name("NAME");
  command->add_option("--cluster", what.cluster, "Cluster, when several have a topic of this name")
      ->type_name("NAME");
  command->add_option("--from", what.from, "First message time: -2h, RFC 3339 or epoch ms")
      ->type_name("TIME");
  command->add_option("--to", what.to, "Message time before which it ends")->type_name("TIME");
  CLI::Option* partition = command->add_option("--partition", what.partition, "Only this partition")
                               ->type_name("NUMBER")
                               ->check(CLI::NonNegativeNumber);
  command->add_option("--offsets", what.offsets, "Only these offsets of the partition, both ends included")
      ->type_name("FIRST-LAST")
      ->needs(partition);
}

void add_accept(CLI::App& app, AddCommand add_command, AcceptArgs& args) {
  CLI::App* command = add_command(
      app, "accept", "Close losses that are none to be chased, on a running server",
      "  waybill accept orders --group shipping --from -2h --to -10m --reason \"offsets were reset on "
      "purpose\"\n"
      "  waybill accept orders --group shipping --partition 3 --offsets 100-136 --reason \"test data\"\n");
  add_losses(command, args.topic, args.what);
  command->add_option("--reason", args.reason, "Why; it is kept with the finding")
      ->required()
      ->type_name("TEXT");
  command->add_flag("--dry-run", args.dry_run, "Say what would be closed and change nothing");
  add_server(command, args.server);
}

void add_replay(CLI::App& app, AddCommand add_command, ReplayArgs& args) {
  CLI::App* command = add_command(
      app, "replay", "Deliver the lost messages of a group again, by a running server",
      "  waybill replay orders --group shipping --to-topic orders-again\n"
      "  waybill replay orders --group shipping --same-topic          which other groups would get them?\n"
      "  waybill replay orders --group shipping --same-topic --yes\n"
      "  waybill replay orders --group shipping --stdout > lost.ndjson\n");
  add_losses(command, args.topic, args.what);
  CLI::Option_group* target = command->add_option_group("Where to");
  target->add_option("--to-topic", args.to_topic, "Into this topic, which exists")->type_name("TOPIC");
  target->add_flag("--stdout", args.to_stdout, "As lines of JSON; changes nothing");
  CLI::Option* same = target->add_flag("--same-topic", args.same_topic, "Into the topic itself; needs --yes");
  target->require_option(1);
  command->add_flag("--yes", args.yes, "Every group of the topic may get them")->needs(same);
  command->add_flag("--dry-run", args.dry_run, "Say what would be delivered and deliver nothing");
  command->add_flag("--again", args.again, "Also what an earlier replay delivered, or may have");
  command->add_option("--reason", args.reason, "Why; it is kept with the decision")->type_name("TEXT");
  add_server(command, args.server);
}

void add_top(CLI::App& app, AddCommand add_command, TopArgs& args) {
  CLI::App* command =
      add_command(app, "top", "Show topics and groups in the terminal, refreshed, from a running server",
                  "  waybill top                                 until Ctrl-C\n"
                  "  waybill top --search orders --state lost\n"
                  "  waybill top --once                          one picture, for scripts and mails\n");
  command->add_option("--cluster", args.cluster, "Only this cluster")->type_name("NAME");
  command->add_option("--search", args.search, "Only topics whose name, or a group's, contains this")
      ->type_name("TEXT");
  command->add_option("--state", args.state, "Only topics whose worst state is this one")
      ->check(CLI::IsMember({"lost", "suspected", "unconfirmed", "incomplete", "ok"}));
  command->add_option("--every", args.every, "How often, e.g. 5s; default 2s")->type_name("DURATION");
  command->add_flag("--once", args.once, "Print once and end");
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
  add_accept(app, add_command, line.accept);
  add_replay(app, add_command, line.replay);
  add_doctor(app, add_command, line.doctor);
  add_top(app, add_command, line.top);
}

std::optional<int> run_server_command(const std::string& command, const ServerLine& line) {
  if (command == "lost") return lost_command(line.lost);
  if (command == "accept") return accept_command(line.accept);
  if (command == "replay") return replay_command(line.replay);
  if (command == "doctor") return doctor_command(line.doctor);
  if (command == "top") return top_command(line.top);
  return std::nullopt;
}

}  // namespace waybill::cli
