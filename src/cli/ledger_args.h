#pragma once
// The command line of `waybill ledger`.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace waybill::cli {

struct LedgerArgs {
  enum class Format { kTable, kJson, kNdjson };
  std::vector<std::string> files;    ///< paths, globs, "-"; empty: the configured source
  std::string config;                ///< empty: everything is discovered
  std::string group;                 ///< the ledger's name
  int64_t batch_size = 2000;         ///< lines or documents that are handled at a time
  std::optional<double> hours_back;  ///< only messages produced in the last hours; absent: all of a file
  bool follow = false;
  Format format = Format::kTable;
  std::string list;                  ///< empty, unconsumed, duplicated, unrecorded, malformed
  std::vector<std::string> fail_on;  ///< the same words
  int64_t threads = 0;               ///< 0: as many as the machine has
  bool plain = false;                ///< the reference decoder, to compare with
};
int ledger_command(const LedgerArgs& args);

}  // namespace waybill::cli
