#include "cli/ledger_line.h"

#include <CLI/CLI.hpp>
#include <map>

namespace waybill::cli {

void add_ledger(CLI::App& app, AddCommand add_command, LedgerArgs& args) {
  CLI::App* command =
      add_command(app, "ledger", "Match produce logs with consume logs, message by message",
                  "  waybill ledger 'logs/*.log.gz'                    who consumed what, how late\n"
                  "  waybill ledger app.log -c audit.yaml -g orders --format json\n"
                  "  kubectl logs shop | waybill ledger - --list unconsumed\n"
                  "  waybill ledger app.log -t 24 --fail-on unconsumed exit code 1 when any is missing\n"
                  "  waybill ledger -c audit.yaml -g orders -t 24       the topics of its source, once\n"
                  "  waybill ledger 'logs/*.log' -c audit.yaml --follow --list unconsumed\n");
  const auto words = CLI::IsMember({"unconsumed", "duplicated", "unrecorded", "malformed"});
  command->add_option("file", args.files, "Files, globs, or - for the standard input; plain, gzip or zstd")
      ->type_name("FILE");
  command
      ->add_option("-c,--config", args.config,
                   "Configuration with the section ledgers; without one, all names are discovered")
      ->type_name("FILE");
  command->add_option("-g,--group", args.group, "Name of the ledger in the configuration")
      ->type_name("GROUP");
  command->add_option("-s,--batch-size", args.batch_size, "Lines or documents that are handled at a time")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command
      ->add_option("-t,--hours-back", args.hours_back,
                   "Only messages produced in the last HOURS; default: all of a file, 2 of a configured source")
      ->type_name("HOURS")
      ->check(CLI::Range(0.0, 1e6));
  command->add_flag("--follow", args.follow,
                    "Go on with what comes, until it is stopped; what a ledger's deadline has passed is told, and "
                    "what arrives after all is told as late");
  static const std::map<std::string, LedgerArgs::Format> formats = {{"table", LedgerArgs::Format::kTable},
                                                                    {"json", LedgerArgs::Format::kJson},
                                                                    {"ndjson", LedgerArgs::Format::kNdjson}};
  command
      ->add_option_function<std::string>(
          "--format", [&args](const std::string& name) { args.format = formats.at(name); },
          "table (the default), json or ndjson")
      ->check(CLI::IsMember({"table", "json", "ndjson"}));
  command
      ->add_option("--list", args.list,
                   "Instead of the summary, the messages or lines, one JSON object a line")
      ->type_name("unconsumed|duplicated|unrecorded|malformed")
      ->check(words);
  command
      ->add_option("--fail-on", args.fail_on,
                   "Exit code 1 when there is any; may be repeated, or a list with commas")
      ->type_name("WHAT")
      ->delimiter(',')
      ->check(words);
  command->add_option("--threads", args.threads, "Default: the machine's, at most 8")
      ->check(CLI::Range(1, 64));
  command->add_flag("--plain", args.plain, "Read every line with the reference decoder; slower, same result");
}

}  // namespace waybill::cli
