#pragma once
// The overview as lines for a terminal. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace waybill::cli {

struct TopView {
  int columns = 100;
  int rows = 40;           ///< of the terminal; the list is cut to fit
  bool colour = false;     ///< escape sequences; words say the same
  bool unlimited = false;  ///< all rows, for --once
};

/// The lines of one picture: totals, what the server says about itself, then one line per group, worst first.
/// `overview` and `sources` are the bodies of the API; `alerts` may be empty when the server has none. Names
/// of strangers are shown without control characters. kCorrupt when a body is something else.
Result<std::vector<std::string>> top_lines(std::string_view overview, std::string_view sources,
                                           std::string_view alerts, const TopView& view);

/// "12.3 k" of a count, at most six characters wide.
std::string short_count(int64_t count);

}  // namespace waybill::cli
