// Sees CLI11, like waybill_main.cc.
#include "cli/kpi_line.h"

#include <CLI/CLI.hpp>

namespace waybill::cli {

void add_kpi_command(CLI::App& app, AddCommand add_command, KpiArgs& args) {
  CLI::App* command =
      add_command(app, "kpi", "Figures that kpis: declares, of log files",
                  "  waybill kpi day.ndjson -c waybill.yaml              all KPIs, as tables\n"
                  "  waybill kpi day-*.ndjson.zst -c waybill.yaml --name recharge --format json | jq .\n"
                  "  waybill kpi app.log -c waybill.yaml --follow        figures as lines come\n"
                  "  zcat day.gz | waybill kpi -c waybill.yaml           of the standard input\n");
  command
      ->add_option("file", args.files,
                   "Files of JSON lines (plain, gzip or zstd), - for the standard input, the default")
      ->type_name("FILE");
  command
      ->add_option("-c,--config", args.config,
                   "Configuration; default ./waybill.yaml, then /etc/waybill/waybill.yaml")
      ->type_name("FILE");
  command->add_option("--name", args.names, "KPI, may be repeated; default: all")
      ->type_name("KPI")
      ->allow_extra_args(false);
  command->add_flag("-f,--follow", args.follow, "Go on with what comes; each window that changed is printed");
  static const std::map<std::string, KpiOutput::Format> formats = {{"table", KpiOutput::Format::kTable},
                                                                   {"json", KpiOutput::Format::kJson},
                                                                   {"ndjson", KpiOutput::Format::kNdjson}};
  command
      ->add_option_function<std::string>(
          "--format", [&args](const std::string& name) { args.format = formats.at(name); },
          "table (the default), json or ndjson")
      ->check(CLI::IsMember({"table", "json", "ndjson"}));
}

}  // namespace waybill::cli
