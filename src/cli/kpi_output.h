#pragma once
// The figures of a Book as a table, JSON or lines of JSON.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kpi/book.h"

namespace waybill::cli {

struct KpiOutput {
  enum class Format { kTable, kJson, kNdjson } format = Format::kTable;
  std::vector<size_t> kpis{};      ///< which, in which order
  std::vector<std::string> why{};  ///< why the figures are not complete; empty = they are
};

/// Everything that the book holds. Windows ascend, groups by their key.
void print_kpis(const kpi::Book& book, const KpiOutput& output, std::FILE* to);

/// One line of JSON: {"kpi", "start", "start_ms", "by", "values", "complete"}, with "why" when it is not.
std::string kpi_window_line(const kpi::Book& book, size_t kpi, int64_t start_ms, const std::string& key,
                            const kpi::Group& group, const std::vector<std::string>& why);

/// What was left out and why, one text per kind: "3 lines: chargefee is not_a_number, first in line 17:
/// \"abc\"".
std::vector<std::string> problem_texts(const kpi::Book& book);

}  // namespace waybill::cli
