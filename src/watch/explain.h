#pragma once
// What each stage does with one line, in words.

#include <string>
#include <string_view>

#include "watch/rule_set.h"

namespace waybill::watch {

struct Explanation {
  std::string text;  ///< lines for people
  bool matched = false;
};

/// For one rule of the set; compiles its atoms anew, so it is slow.
Explanation explain(const RuleSet& rules, size_t rule, std::string_view line);

}  // namespace waybill::watch
