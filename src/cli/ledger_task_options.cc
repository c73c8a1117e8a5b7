#include "cli/ledger_task_options.h"

#include <cstring>

#include "base/types.h"

namespace waybill::cli {

ledger::LedgerTaskOptions ledger_task_options(const LedgerSettings& settings, uint64_t seed) {
  return {.ledger = settings.name,
          .part = "all",
          .producers = settings.producers,
          .discover = settings.discover,
          .format = settings.format,
          .deadline_ms = settings.deadline.count(),
          .horizon_ms = settings.horizon.count(),
          .bucket_ms = settings.bucket.count(),
          .seed = seed};
}

uint64_t random_ledger_seed() {
  const Id128 id = Id128::random();
  uint64_t seed;
  std::memcpy(&seed, id.bytes.data(), sizeof seed);
  return seed | 1;
}

}  // namespace waybill::cli
