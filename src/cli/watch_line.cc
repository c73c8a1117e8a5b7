#include "cli/watch_line.h"

#include <CLI/CLI.hpp>
#include <map>

namespace waybill::cli {
namespace {

void add_rules(CLI::App& app, AddCommand add_command, RulesArgs& args) {
  CLI::App* rules = add_command(app, "rules", "Test rules of watches, and see what each stage does",
                                "  waybill rules test alerts_test.yaml --junit report.xml\n"
                                "  waybill rules explain http-5xx '{\"status\":\"503\"}' -c waybill.yaml\n");
  rules->require_subcommand(1);
  CLI::App* test = add_command(*rules, "test", "Run cases: input lines and the matches that they must give",
                               "  waybill rules test alerts_test.yaml\n");
  test->add_option("file", args.file, "YAML with watches: and tests:")->type_name("FILE")->required();
  test->add_option("--junit", args.junit, "Write a JUnit report")->type_name("FILE");
  CLI::App* explain = add_command(*rules, "explain", "Show what each stage does with one line",
                                  "  waybill rules explain http-5xx '{\"status\":\"503\"}'\n"
                                  "  waybill rules explain 'status=5\\d{2}' '{\"status\":\"503\"}'\n");
  explain->add_option("rule", args.rule, "Name of a watch in the configuration, or FIELD=PATTERN")
      ->required();
  explain->add_option("line", args.line, "The line; - reads it from the standard input")->required();
  explain->add_option("-c,--config", args.config, "Configuration with watches:")->type_name("FILE");
}

}  // namespace

void add_watch(CLI::App& app, AddCommand add_command, WatchLine& line) {
  WatchArgs& args = line.watch;
  CLI::App* command = add_command(
      app, "watch", "Find lines of files or of a pipe by their fields, as grep does by their text",
      "  waybill watch --match 'status=5\\d{2}' access.log.gz\n"
      "  kubectl logs shop | waybill watch --match level=ERROR --match 'message=timed? out'\n"
      "  waybill watch -c waybill.yaml access.log --count\n"
      "  waybill watch --text 'out of memory' --follow /var/log/app.log --format ndjson\n");
  command
      ->add_option("file", args.files,
                   "Files, or - for the standard input (the default); plain, gzip or zstd")
      ->type_name("FILE");
  auto* config = command->add_option("-c,--config", args.config, "Rules of a configuration: its watches:")
                     ->type_name("FILE");
  auto* match = command
                    ->add_option("-m,--match", args.matches,
                                 "The field must match the RE2 pattern; several must all match")
                    ->type_name("FIELD=PATTERN")
                    ->allow_extra_args(false)
                    ->excludes(config);
  command->add_option("-e,--text", args.text, "The whole line must match the RE2 pattern")
      ->type_name("PATTERN")
      ->excludes(config)
      ->excludes(match);
  command->add_flag("-f,--follow", args.follow, "Go on with what comes, also after rotation");
  command->add_flag("--count", args.count, "Counts instead of lines");
  static const std::map<std::string, WatchArgs::Format> formats = {{"table", WatchArgs::Format::kTable},
                                                                   {"json", WatchArgs::Format::kJson},
                                                                   {"ndjson", WatchArgs::Format::kNdjson}};
  command
      ->add_option_function<std::string>(
          "--format", [&args](const std::string& name) { args.format = formats.at(name); },
          "table and json are summaries, ndjson is one object a match; default: the lines themselves")
      ->check(CLI::IsMember({"table", "json", "ndjson"}));
  add_rules(app, add_command, line.rules);
}

int run_rules(const CLI::App& rules, const WatchLine& line) {
  bool test = rules.get_subcommands().front()->get_name() == "test";
  return test ? rules_test_command(line.rules) : rules_explain_command(line.rules);
}

}  // namespace waybill::cli
