#pragma once
// A result as sinks show it: absolute values under a name.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace waybill::flow {

struct Figure {
  std::vector<std::string> name;                              ///< parts; together unique. Any bytes
  std::vector<std::pair<std::string, std::string>> fields{};  ///< what has no value is left out
  std::string json{};  ///< the same as one JSON object; empty = nobody is told when it changes
};

using TakeFigure = std::function<void(Figure&&)>;

/// Goes through all figures of some tables, a piece at a time. Not thread-safe.
class FigureScan {
 public:
  virtual ~FigureScan() = default;
  /// Reads one piece (some 10,000 rows). False: it was the last. After an error the same piece comes again.
  virtual Result<bool> next(const TakeFigure& take) = 0;
};

}  // namespace waybill::flow
