// waybill version and waybill completion.
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include "cli/commands.h"
#include "cli/host.h"

namespace waybill::cli {
namespace {

constexpr std::string_view kCommands = "run check demo reports version completion";

constexpr std::string_view kBash = R"(_waybill() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}}
  if [[ $COMP_CWORD == 1 ]]; then
    COMPREPLY=($(compgen -W "{0} --help --version" -- "$current"))
    return
  fi
  case $command in
    run) COMPREPLY=($(compgen -W "--config --help" -- "$current") $(compgen -f -- "$current")) ;;
    check) COMPREPLY=($(compgen -W "--config --help" -- "$current") $(compgen -f -- "$current")) ;;
    demo) COMPREPLY=($(compgen -W "--for --port --check --help" -- "$current")) ;;
    reports) COMPREPLY=($(compgen -W "--config --brokers --cluster --topic --from --follow -X --help" -- "$current")
      $(compgen -f -- "$current")) ;;
    completion) COMPREPLY=($(compgen -W "bash zsh fish" -- "$current")) ;;
  esac
}}
complete -F _waybill waybill
)";

constexpr std::string_view kFish = R"(complete -c waybill -f
complete -c waybill -n __fish_use_subcommand -a "{0}"
complete -c waybill -n "__fish_seen_subcommand_from run check reports" -s c -l config -r -F
complete -c waybill -n "__fish_seen_subcommand_from check" -F
complete -c waybill -n "__fish_seen_subcommand_from demo" -l for -x
complete -c waybill -n "__fish_seen_subcommand_from demo" -l port -x
complete -c waybill -n "__fish_seen_subcommand_from demo" -l check
complete -c waybill -n "__fish_seen_subcommand_from reports" -s b -l brokers -x
complete -c waybill -n "__fish_seen_subcommand_from reports" -s X -x
complete -c waybill -n "__fish_seen_subcommand_from reports" -s t -l topic -x
complete -c waybill -n "__fish_seen_subcommand_from reports" -l cluster -x
complete -c waybill -n "__fish_seen_subcommand_from reports" -l from -x
complete -c waybill -n "__fish_seen_subcommand_from reports" -s f -l follow
complete -c waybill -n "__fish_seen_subcommand_from completion" -a "bash zsh fish"
)";

}  // namespace

int version_command() {
  fmt::print("waybill {} (librdkafka {})\n", version(), rd_kafka_version_str());
  return kExitFine;
}

int completion_command(const CompletionArgs& args) {
  if (args.shell == "zsh") fmt::print("autoload -U +X bashcompinit && bashcompinit\n");
  fmt::print(fmt::runtime(args.shell == "fish" ? kFish : kBash), kCommands);
  return kExitFine;
}

}  // namespace waybill::cli
