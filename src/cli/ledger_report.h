#pragma once
// What `waybill ledger` prints. Pure.

#include <string>
#include <string_view>

#include "cli/ledger_files.h"

namespace waybill::cli {

/// Messages in all pairs of producer and consumer together.
struct LedgerSums {
  uint64_t unconsumed = 0;
  uint64_t duplicated = 0;
  uint64_t unrecorded = 0;
};
LedgerSums ledger_sums(const LedgerFindings& findings);

/// The summary as one JSON object, without newline at the end.
std::string ledger_json(std::string_view group, const LedgerFindings& findings);
/// The same as text for a terminal.
std::string ledger_table(std::string_view group, const LedgerFindings& findings);
/// One JSON object for each pair of producer and consumer, one a line.
std::string ledger_ndjson(std::string_view group, const LedgerFindings& findings);
/// One line of a list of messages, with newline.
std::string exception_json(const ledger::Exception& exception,
                           const std::vector<ledger::ProducerName>& names);
/// One line of the list of malformed lines, with newline.
std::string malformed_json(const MalformedPlace& place);

}  // namespace waybill::cli
