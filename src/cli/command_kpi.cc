// waybill kpi: figures of files.
#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "cli/commands.h"
#include "cli/kpi_config.h"
#include "cli/kpi_follow.h"
#include "cli/kpi_line.h"
#include "cli/kpi_output.h"
#include "cli/kpi_scan.h"
#include "cli/stop_signal.h"
#include "cli/suggest.h"

namespace waybill::cli {
namespace {

constexpr unsigned kThreadsMax = 8;
constexpr size_t kProblemsShown = 20;

/// The named definitions in the order in which they were named; all without names.
Result<std::vector<kpi::Definition>> chosen(std::vector<kpi::Definition> all,
                                            const std::vector<std::string>& names) {
  if (names.empty()) return all;
  std::vector<kpi::Definition> some;
  for (const std::string& name : names) {
    auto same = [&name](const kpi::Definition& d) { return d.name == name; };
    auto it = std::find_if(all.begin(), all.end(), same);
    if (it == all.end()) {
      std::vector<std::string_view> known;
      for (const kpi::Definition& d : all) known.push_back(d.name);
      return fail(Errc::kInvalid, fmt::format("--name {}: there is no such KPI{} Configured: {}", name,
                                              suggestion(name, known).empty() ? "." : suggestion(name, known),
                                              fmt::join(known, ", ")));
    }
    if (std::find_if(some.begin(), some.end(), same) == some.end()) some.push_back(*it);
  }
  return some;
}

KpiOutput output_of(const KpiArgs& args, const kpi::Program& program) {
  KpiOutput output{.format = args.format};
  for (size_t i = 0; i < program.kpis().size(); ++i) output.kpis.push_back(i);
  return output;
}

int count_files(const KpiArgs& args, const std::shared_ptr<const kpi::Program>& program) {
  kpi::Book book(program);
  KpiScanOptions options{
      .files = args.files,
      .threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, kThreadsMax)),
      .now_ms = system_clock().now().wall_ms};
  const std::vector<Error> errors = scan_files(book, program, options);
  KpiOutput output = output_of(args, *program);
  for (const Error& error : errors) {
    fmt::print(stderr, "waybill: {}\n", error.message);
    output.why.push_back(error.message);
  }
  print_kpis(book, output, stdout);
  std::fflush(stdout);
  const std::vector<std::string> problems = problem_texts(book);
  for (size_t i = 0; i < std::min(problems.size(), kProblemsShown); ++i)
    fmt::print(stderr, "waybill: {}\n", problems[i]);
  if (std::ferror(stdout)) return kExitRuntime;
  return errors.empty() ? kExitFine : kExitRuntime;
}

int failed(const Error& error) {
  fmt::print(stderr, "waybill: {}\n", error.message);
  return error.code == Errc::kInvalid ? kExitUsage : kExitRuntime;
}

}  // namespace

int kpi_command(const KpiArgs& args) {
  auto config = load_kpis(args.config, real_world());
  if (!config) {
    fmt::print(stderr, "{}", config.error());
    return kExitUsage;
  }
  auto definitions = chosen(std::move(config->definitions), args.names);
  if (!definitions) return failed(definitions.error());
  auto program = kpi::Program::compile(std::move(*definitions));
  if (!program) return failed(program.error());
  KpiArgs known = args;
  if (known.files.empty()) known.files = {"-"};
  return args.follow ? follow_kpis(known, *program) : count_files(known, *program);
}

}  // namespace waybill::cli
