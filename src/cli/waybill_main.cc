// The command line. Only this file and *_line.cc see CLI11.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>

#include "cli/agent_line.h"
#include "cli/commands.h"
#include "cli/kpi_line.h"
#include "cli/gen_line.h"
#include "cli/ledger_line.h"
#include "cli/server_line.h"
#include "cli/suggest.h"
#include "cli/watch_line.h"

/// Read by jemalloc before main: blocks of 2 MiB and more, which tables that grow leave behind, go back to the
/// kernel at once (https://jemalloc.net/jemalloc.3.html#opt.oversize_threshold).
extern "C" {
extern const char* const malloc_conf;
const char* const malloc_conf = "oversize_threshold:2097152";
}

namespace waybill::cli {
namespace {

/// Help that begins with examples.
class ExamplesFirst : public CLI::Formatter {
 public:
  explicit ExamplesFirst(std::string examples) : examples_(std::move(examples)) {}
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string help = CLI::Formatter::make_help(app, std::move(name), mode);
    return mode == CLI::AppFormatMode::Normal ? "Examples:\n" + examples_ + "\n" + help : help;
  }

 private:
  std::string examples_;
};

/// What the command line says. Lives as long as the CLI::App that fills it.
struct CommandLine {
  RunArgs run;
  RunArgs check;
  DemoArgs demo;
  ReportsArgs reports;
  CompletionArgs completion;
  ServerLine server;
  LedgerArgs ledger;
  GenLine gen;
  KpiArgs kpi;
  AgentArgs agent;
  WatchLine watch;
};

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& what, std::string examples) {
  CLI::App* command = app.add_subcommand(name, what);
  command->formatter(std::make_shared<ExamplesFirst>(std::move(examples)));
  return command;
}

void add_config(CLI::App* command, std::string& path) {
  command
      ->add_option("-c,--config", path,
                   "Configuration; default ./waybill.yaml, then /etc/waybill/waybill.yaml")
      ->type_name("FILE");
}

void add_demo(CLI::App& app, DemoArgs& args) {
  CLI::App* command =
      add_command(app, "demo", "A small cluster with planted faults, in this process",
                  "  waybill demo                   until Ctrl-C, page at http://127.0.0.1:8420/\n"
                  "  waybill demo --for 30s         half a minute, then the table\n"
                  "  waybill demo --for 30s --check exit code 1 when planted and found differ\n");
  command->add_option("--for", args.run_for, "How long, e.g. 30s; default: until it is stopped")
      ->type_name("DURATION");
  command->add_option("--port", args.port, "Port of the page; when it is taken, a free one")
      ->check(CLI::Range(0, 65535));
  command->add_flag("--check", args.check, "Exit code 1 when planted and found differ");
}

void add_reports(CLI::App& app, ReportsArgs& args) {
  CLI::App* command =
      add_command(app, "reports", "Print the reports in the audit topic, one JSON object a line",
                  "  waybill reports                          all, with the cluster of ./waybill.yaml\n"
                  "  waybill reports -f --from -10m           of the last ten minutes and all that follow\n"
                  "  waybill reports -b broker:9092 -X security.protocol=ssl | jq .host\n");
  add_config(command, args.config);
  command->add_option("-b,--brokers", args.brokers, "Bootstrap servers, instead of a configuration")
      ->type_name("HOST:PORT");
  command->add_option("-X", args.properties, "Property of librdkafka; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->add_option("--cluster", args.cluster, "Cluster of the configuration, when it audits several")
      ->type_name("NAME");
  command
      ->add_option("-t,--topic", args.topic,
                   "Audit topic; default: the configuration's, else waybill-reports")
      ->type_name("NAME");
  command->add_option("--from", args.from, "First time: -2h, RFC 3339 or epoch ms; default: the oldest")
      ->type_name("TIME");
  command->add_flag("-f,--follow", args.follow, "Go on with what comes");
}

void add_commands(CLI::App& app, CommandLine& line) {
  CLI::App* run =
      add_command(app, "run", "Run what the configuration says, with the HTTP server",
                  "  waybill run                    with ./waybill.yaml or /etc/waybill/waybill.yaml\n"
                  "  waybill run -c orders.yaml\n");
  add_config(run, line.run.config);
  CLI::App* check = add_command(app, "check", "Say what is wrong with a configuration",
                                "  waybill check\n"
                                "  waybill check orders.yaml && waybill run -c orders.yaml\n");
  add_config(check, line.check.config);
  check->add_option("file", line.check.config, "The same as -c")->type_name("FILE");
  add_demo(app, line.demo);
  add_reports(app, line.reports);
  add_server_commands(app, add_command, line.server);
  add_ledger(app, add_command, line.ledger);
  add_gen(app, add_command, line.gen);
  add_kpi_command(app, add_command, line.kpi);
  add_agent_command(app, add_command, line.agent);
  add_watch(app, add_command, line.watch);
  add_command(app, "version", "Print the version", "  waybill version\n");
  CLI::App* completion = add_command(app, "completion", "Print a completion script for a shell",
                                     "  source <(waybill completion bash)\n"
                                     "  waybill completion fish > ~/.config/fish/completions/waybill.fish\n");
  completion->add_option("shell", line.completion.shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

/// The subcommand of that name, or null.
const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

/// " did you mean" for the first word or option that nobody knows.
std::string hint(const CLI::App& app, const std::vector<std::string>& words) {
  std::vector<std::string> known;
  const CLI::App* at = &app;
  for (const std::string& word : words) {
    known.clear();
    for (const CLI::App* command : at->get_subcommands(nullptr)) known.push_back(command->get_name());
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
    std::string plain = word.substr(0, word.find('='));
    if (std::find(known.begin(), known.end(), plain) == known.end()) {
      std::vector<std::string_view> candidates(known.begin(), known.end());
      std::string near = suggestion(plain, candidates);
      if (!near.empty()) return near.substr(2);
      continue;
    }
    if (const CLI::App* command = find_command(*at, word)) at = command;
  }
  return {};
}

int dispatch(const CLI::App& app, const CommandLine& line) {
  std::string name = app.get_subcommands().front()->get_name();
  if (auto code = run_server_command(name, line.server)) return *code;
  std::map<std::string, std::function<int()>> commands = {
      {"run", [&] { return run_command(line.run); }},
      {"check", [&] { return check_command(line.check); }},
      {"demo", [&] { return demo_command(line.demo); }},
      {"reports", [&] { return reports_command(line.reports); }},
      {"ledger", [&] { return ledger_command(line.ledger); }},
      {"gen", [&] { return run_gen(*app.get_subcommand("gen"), line.gen); }},
      {"kpi", [&] { return kpi_command(line.kpi); }},
      {"agent", [&] { return agent_command(line.agent); }},
      {"watch", [&] { return watch_command(line.watch.watch); }},
      {"rules", [&] { return run_rules(*app.get_subcommand("rules"), line.watch); }},
      {"version", [] { return version_command(); }},
      {"completion", [&] { return completion_command(line.completion); }},
  };
  return commands.at(name)();
}

int main_of(int argc, char** argv) {
  CLI::App app("Waybill counts messages at every hop and names those that are missing.", "waybill");
  app.formatter(
      std::make_shared<ExamplesFirst>("  waybill demo --for 30s         see it work, nothing to set up\n"
                                      "  waybill check && waybill run   with ./waybill.yaml\n"
                                      "  waybill reports -f             what the clients say\n"));
  app.set_version_flag("--version", [] {
    version_command();
    return std::string();
  });
  app.require_subcommand(1);
  CommandLine line;
  add_commands(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) {
      app.exit(e);
      return kExitFine;
    }
    std::vector<std::string> words(argv + 1, argv + argc);
    std::string near = hint(app, words);
    bool known = !words.empty() && find_command(app, words[0]);
    std::string help = fmt::format("waybill {}--help", known ? words[0] + " " : "");
    bool no_command = !words.empty() && !words[0].starts_with('-') && !known;
    std::string what = no_command ? fmt::format("there is no command \"{}\"", words[0]) : e.what();
    fmt::print(stderr, "waybill: {}\n{}{}Try: {}\n", what, near, near.empty() ? "" : "\n", help);
    return kExitUsage;
  }
  return dispatch(app, line);
}

}  // namespace
}  // namespace waybill::cli

int main(int argc, char** argv) {
  try {
    return waybill::cli::main_of(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "waybill: {}\n", e.what());
    return waybill::cli::kExitRuntime;
  }
}
