#pragma once
// `waybill ledger` over an index, without a store.

#include <memory>

#include "cli/ledger_follow.h"
#include "cli/ledger_input.h"
#include "cli/ledger_settings.h"
#include "cli/stop_signal.h"
#include "search/connection.h"

namespace waybill::cli {

struct LedgerSearchOptions {
  int64_t since_ms = 0;  ///< epoch ms
  size_t batch = 2'000;  ///< documents of a page
};
/// What is in the index now, to its end. An error, and figures that are incomplete, when the server does not
/// answer for kSearchPatience or the signal comes.
std::unique_ptr<LedgerInput> read_search_once(const LedgerSettings& settings, const search::Server& server,
                                              LedgerSearchOptions options, StopSignal& signal);
/// Documents as they become searchable.
std::unique_ptr<LedgerFeed> follow_search(const LedgerSettings& settings, const search::Server& server,
                                          LedgerSearchOptions options);
inline constexpr Millis kSearchPatience{20'000};

}  // namespace waybill::cli
