#include "cli/gen_line.h"

#include <CLI/CLI.hpp>

namespace waybill::cli {
namespace {

void add_gen_ledger(CLI::App& gen, AddCommand add_command, GenLedgerArgs& args) {
  CLI::App* command =
      add_command(gen, "ledger", "Produce and consume logs, with what a ledger must find in them",
                  "  waybill gen ledger --messages 100000 --truth truth.json > app.log\n"
                  "  waybill gen ledger --messages 1000 --seed 7 --export | waybill ledger -\n");
  ledger::GeneratorOptions& o = args.options;
  command->add_option("--messages", o.messages, "Messages that producers send")->capture_default_str();
  command->add_option("--seed", o.seed, "The same seed gives the same lines")->capture_default_str();
  command->add_option("--out", args.out, "Where the lines go; - is the standard output")
      ->type_name("FILE")
      ->capture_default_str();
  command->add_option("--truth", args.truth, "Where the truth goes, as JSON")->type_name("FILE");
  command->add_option("--producers", o.producers)->check(CLI::Range(1, 10'000))->capture_default_str();
  command->add_option("--consumers", o.consumers_max, "Most consumers of a producer")
      ->check(CLI::Range(1, 26))
      ->capture_default_str();
  command->add_option("--rate", o.messages_per_second, "Messages per second of their times")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--spread-ms", o.spread_ms, "Latencies are spread evenly over this")
      ->check(CLI::Range(1, 86'400'000))
      ->capture_default_str();
  command->add_option("--begin-ms", o.begin_ms, "Time of the first message, epoch ms")->capture_default_str();
  command->add_option("--lost-ppm", o.lost_ppm, "Of a million deliveries, how many are lost")
      ->capture_default_str();
  command->add_option("--duplicated-ppm", o.duplicated_ppm, "How many happen twice")->capture_default_str();
  command->add_option("--unrecorded-ppm", o.unrecorded_ppm, "Messages without a producer's line")
      ->capture_default_str();
  command->add_option("--failed-ppm", o.failed_ppm, "Sends that fail")->capture_default_str();
  command->add_option("--malformed-ppm", o.malformed_ppm, "Broken lines beside the messages")
      ->capture_default_str();
  command->add_option("--ignored-ppm", o.ignored_ppm, "Other lines beside the messages")
      ->capture_default_str();
  command->add_flag("--export", o.exported, "As documents of an index export");
}

void add_gen_recharge(CLI::App& gen, AddCommand add_command, GenRechargeArgs& args) {
  CLI::App* command =
      add_command(gen, "recharge", "A day of a payment platform's log lines, with the figures in them",
                  "  waybill gen recharge --orders 1000000 --out day.ndjson --truth truth.json\n"
                  "  waybill gen recharge --orders 1000 --seed 7 | waybill kpi - -c examples/recharge/waybill.yaml\n");
  command->add_option("--orders", args.options.orders, "Orders of the day; each has one to five lines")
      ->check(CLI::Range(int64_t{0}, int64_t{1'000'000'000}))
      ->capture_default_str();
  command->add_option("--seed", args.options.seed, "The same seed gives the same lines")->capture_default_str();
  command->add_option("--out", args.out, "Where the lines go; - is the standard output")
      ->type_name("FILE")
      ->capture_default_str();
  command->add_option("--truth", args.truth, "Where the truth goes, as JSON")->type_name("FILE");
}

}  // namespace

CLI::App* add_gen(CLI::App& app, AddCommand add_command, GenLine& line) {
  CLI::App* gen = add_command(app, "gen", "Make data with known faults, for tests and benchmarks",
                              "  waybill gen ledger --messages 1000 --seed 7 --truth truth.json\n");
  gen->require_subcommand(1);
  add_gen_ledger(*gen, add_command, line.ledger);
  add_gen_recharge(*gen, add_command, line.recharge);
  return gen;
}

int run_gen(const CLI::App& gen, const GenLine& line) {
  if (gen.got_subcommand("recharge")) return gen_recharge_command(line.recharge);
  return gen_ledger_command(line.ledger);
}

}  // namespace waybill::cli
