// waybill gen recharge: a day of a payment platform's log lines, and the figures that must come out of them.
#include <string>

#include "cli/commands.h"
#include "cli/gen_args.h"
#include "cli/out_file.h"

namespace waybill::cli {

int gen_recharge_command(const GenRechargeArgs& args) {
  OutFile out(args.out);
  kpi::RechargeGenerator generator(args.options);
  if (!write_all(out, [&](std::string& lines) { return generator.next(lines); })) return out.failed();
  if (args.truth.empty()) return kExitFine;
  OutFile truth(args.truth);
  return truth.write(generator.truth_json()) && truth.finish() ? kExitFine : truth.failed();
}

}  // namespace waybill::cli
