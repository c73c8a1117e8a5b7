#pragma once
// Blocks of lines into a Scanner, with layouts that are learned from the lines.

#include <memory>
#include <string_view>

#include "kpi/scanner.h"

namespace waybill::kpi {

/// One thread. What comes out does not depend on where the lines were cut into blocks.
class LineReader {
 public:
  explicit LineReader(std::shared_ptr<const Program> program);
  ~LineReader();
  /// `block`: whole lines, with decode::kScanPadding readable bytes behind them; views into it die with it.
  /// `scanner` has begun. Blank lines are passed over; the n-th other one has the place `places[n]`, or n
  /// when `places` is null.
  void read(std::string_view block, Scanner& scanner, const int64_t* places);
  /// A text that may hold line feeds, as JSON may.
  void read_one(std::string_view text, Scanner& scanner, int64_t place);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Blanks, tabs and carriage returns only.
bool is_blank_line(std::string_view line);

}  // namespace waybill::kpi
