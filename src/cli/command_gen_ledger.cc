// waybill gen ledger: logs of producers and consumers, and what a ledger must find in them.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/gen_args.h"
#include "cli/out_file.h"

namespace waybill::cli {
namespace {

using Json = nlohmann::ordered_json;
using Truth = ledger::GeneratedTruth;

/// Nearest rank.
int64_t quantile(const std::vector<int32_t>& sorted, double q) {
  const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[std::max<size_t>(rank, 1) - 1];
}

Json pair_json(const Truth::Pair& pair) {
  Json out{{"produced", pair.produced},
           {"consumed", pair.consumed},
           {"lost", pair.lost},
           {"dup", pair.duplicated},
           {"unrec", pair.unrecorded}};
  if (pair.latencies_ms.empty()) return out;
  std::vector<int32_t> sorted = pair.latencies_ms;
  std::sort(sorted.begin(), sorted.end());
  double sum = 0;
  for (int32_t ms : sorted) sum += ms;
  out["lat_max"] = sorted.back();
  out["lat_mean"] = sum / static_cast<double>(sorted.size());
  out["lat_p50"] = quantile(sorted, 0.5);
  out["lat_p95"] = quantile(sorted, 0.95);
  out["lat_p99"] = quantile(sorted, 0.99);
  return out;
}

Json sorted_json(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return Json(std::move(names));
}

std::string truth_json(const Truth& truth) {
  Json roster = Json::object();
  Json pairs = Json::object();
  for (const auto& [names, pair] : truth.pairs) {
    roster[names.first].push_back(names.second);
    pairs[names.first + "|" + names.second] = pair_json(pair);
  }
  const Json out{{"lines", truth.lines},
                 {"malformed", truth.malformed},
                 {"ignored", truth.ignored},
                 {"failed", truth.failed},
                 {"roster", std::move(roster)},
                 {"pairs", std::move(pairs)},
                 {"lost", sorted_json(truth.lost)},
                 {"dup", sorted_json(truth.duplicated)},
                 {"unrec", sorted_json(truth.unrecorded)}};
  return out.dump(1) + "\n";
}

}  // namespace

int gen_ledger_command(const GenLedgerArgs& args) {
  OutFile out(args.out);
  ledger::Generator generator(args.options);
  if (!write_all(out, [&](std::string& text) { return generator.next(text); })) return out.failed();
  if (args.truth.empty()) return kExitFine;
  OutFile truth(args.truth);
  return truth.write(truth_json(generator.truth())) && truth.finish() ? kExitFine : truth.failed();
}

}  // namespace waybill::cli
