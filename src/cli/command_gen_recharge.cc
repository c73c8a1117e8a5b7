// waybill gen recharge: a day of a payment platform's log lines, and the figures that must come out of them.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "cli/commands.h"
#include "cli/gen_args.h"

namespace waybill::cli {
namespace {

constexpr size_t kWriteBytes = 1 << 20;

struct CloseFile {
  void operator()(FILE* file) const {
    if (file != stdout) std::fclose(file);
  }
};
using File = std::unique_ptr<FILE, CloseFile>;

File open_out(const std::string& path) {
  return File(path == "-" ? stdout : std::fopen(path.c_str(), "wbe"));
}

bool write_all(FILE* file, const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0;
}

int failed(const std::string& path) {
  fmt::print(stderr, "waybill: cannot write {}: {}\n", path, std::strerror(errno));
  return kExitRuntime;
}

}  // namespace

int gen_recharge_command(const GenRechargeArgs& args) {
  File out = open_out(args.out);
  if (!out) return failed(args.out);
  kpi::RechargeGenerator generator(args.options);
  std::string lines;
  while (generator.next(lines)) {
    if (lines.size() < kWriteBytes) continue;
    if (!write_all(out.get(), lines)) return failed(args.out);
    lines.clear();
  }
  if (!write_all(out.get(), lines)) return failed(args.out);
  if (args.truth.empty()) return kExitFine;
  File truth = open_out(args.truth);
  if (!truth || !write_all(truth.get(), generator.truth_json())) return failed(args.truth);
  return kExitFine;
}

}  // namespace waybill::cli
