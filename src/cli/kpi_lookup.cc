// Tables of `lookup:`.
#include <fmt/format.h>

#include <vector>

#include "base/utf8.h"
#include "cli/kpi_config.h"

namespace waybill::cli {
namespace {

/// One record of RFC 4180 from `at` on; false when a quote stays open.
bool take_record(std::string_view csv, size_t& at, std::vector<std::string>& fields) {
  fields.assign(1, {});
  bool quoted = false;
  for (; at < csv.size(); ++at) {
    const char c = csv[at];
    if (quoted) {
      if (c != '"') {
        fields.back().push_back(c);
      } else if (at + 1 < csv.size() && csv[at + 1] == '"') {
        fields.back().push_back(csv[++at]);
      } else {
        quoted = false;
      }
    } else if (c == '"' && fields.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      ++at;
      return true;
    } else if (c != '\r') {
      fields.back().push_back(c);
    }
  }
  return !quoted;
}

}  // namespace

Result<kpi::Lookup> parse_lookup(std::string_view csv, std::string_view key_column,
                                 std::string_view label_column) {
  if (csv.starts_with("\xEF\xBB\xBF")) csv.remove_prefix(3);
  if (!is_utf8(csv)) return fail(Errc::kInvalid, "the table is not UTF-8");
  kpi::Lookup table;
  std::vector<std::string> fields;
  size_t at = 0;
  size_t key = 0;
  size_t label = 1;
  for (int64_t row = 1; at < csv.size(); ++row) {
    if (!take_record(csv, at, fields))
      return fail(Errc::kInvalid, fmt::format("row {}: a quote is not closed", row));
    if (fields.size() == 1 && fields[0].empty()) continue;
    if (row == 1) {
      bool heading = false;
      for (size_t i = 0; i < fields.size(); ++i) {
        if (fields[i] == key_column) heading = true, key = i;
        if (fields[i] == label_column) label = i;
      }
      if (heading) continue;
    }
    if (fields.size() <= key || fields.size() <= label)
      return fail(Errc::kInvalid, fmt::format("row {}: there are {} columns", row, fields.size()));
    if (table.size() >= kLookupRowsMax)
      return fail(Errc::kInvalid, fmt::format("more than {} rows", kLookupRowsMax));
    if (!table.emplace(fields[key], fields[label]).second)
      return fail(Errc::kInvalid, fmt::format("row {}: {} is there twice", row, fields[key]));
  }
  if (table.empty()) return fail(Errc::kInvalid, "the table has no rows");
  return table;
}

}  // namespace waybill::cli
