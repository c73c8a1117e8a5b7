#pragma once
// What `waybill watch` and `waybill rules` are asked to do.

#include <string>
#include <vector>

namespace waybill::cli {

struct WatchArgs {
  enum class Format { kLines, kTable, kJson, kNdjson };
  std::vector<std::string> files;    ///< "-" = standard input; none = the same
  std::string config;                ///< its `watches:`
  std::vector<std::string> matches;  ///< FIELD=PATTERN, all must hold
  std::string text;                  ///< pattern over the whole line
  bool follow = false;
  bool count = false;
  Format format = Format::kLines;
};

/// Exit codes as of grep: 0 = something matched, 1 = nothing did, 2 = an error.
int watch_command(const WatchArgs& args);

struct RulesArgs {
  std::string config;
  std::string file;        ///< `test`: the YAML with the cases
  std::string junit;       ///< `test`: where a JUnit report goes
  std::string rule, line;  ///< `explain`
};
int rules_test_command(const RulesArgs& args);
int rules_explain_command(const RulesArgs& args);

}  // namespace waybill::cli
