#pragma once
// What a ledger's Task is told of the configuration.

#include <cstdint>

#include "cli/ledger_settings.h"
#include "ledger/ledger_task.h"

namespace waybill::cli {

/// For one Task that reads everything; the caller sets what is different.
ledger::LedgerTaskOptions ledger_task_options(const LedgerSettings& settings, uint64_t seed);

/// A new secret seed, never 0.
uint64_t random_ledger_seed();

}  // namespace waybill::cli
