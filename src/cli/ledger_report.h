#pragma once
// What `waybill ledger` prints. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "cli/ledger_files.h"

namespace waybill::cli {

/// The figures of a ledger, as they are printed.
struct LedgerSummary {
  struct Consumer {
    std::string name;
    std::string desc;
    uint64_t consumed = 0;
    uint64_t unconsumed = 0;
    uint64_t duplicated = 0;
    uint64_t unrecorded = 0;
    tally::LatencySketch latency{};
  };
  struct Producer {
    std::string name;
    std::string desc;
    uint64_t produced = 0;
    std::vector<Consumer> consumers{};
  };
  std::string group;
  ledger::LineCounts counts{};
  std::vector<Producer> producers{};
  std::vector<MalformedPlace> malformed{};  ///< the first ones

  void sort();  ///< by names
};
/// Of an input that was read to its end: what is missing is final.
LedgerSummary summary_of(std::string group, const LedgerFindings& findings);

/// Messages in all pairs of producer and consumer together.
struct LedgerSums {
  uint64_t unconsumed = 0;
  uint64_t duplicated = 0;
  uint64_t unrecorded = 0;
};
LedgerSums ledger_sums(const LedgerSummary& summary);

/// The summary as one JSON object, without newline at the end.
std::string ledger_json(const LedgerSummary& summary);
/// The same as text for a terminal.
std::string ledger_table(const LedgerSummary& summary);
/// One JSON object for each pair of producer and consumer, each with its newline.
std::vector<std::string> ledger_ndjson(const LedgerSummary& summary);
/// Whether there is any of "unconsumed", "duplicated", "unrecorded" or "malformed" that `fail_on` names.
bool ledger_fails(const LedgerSummary& summary, const std::vector<std::string>& fail_on);

/// One line of a list of messages.
struct ExceptionLine {
  std::string_view producer;
  std::string_view consumer;
  std::string_view uid;
  int64_t produce_time = 0;
  int64_t consume_time = -1;  ///< -1: none
  bool late = false;          ///< it was told and has arrived after all
};
/// With newline.
std::string exception_json(const ExceptionLine& line);
/// One line of the list of malformed lines, with newline.
std::string malformed_json(std::string_view place, std::string_view reason, std::string_view text);

}  // namespace waybill::cli
