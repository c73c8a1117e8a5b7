#pragma once
// Groups as JSON and as cells of a table.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kpi/partial.h"
#include "kpi/program.h"

namespace waybill::kpi {

std::string int128_text(Int128 value);
/// A JSON string with its quotes. `text` is UTF-8.
void append_json_text(std::string_view text, std::string& out);

/// The parts of a group's key, one for each dimension.
std::vector<std::string_view> key_parts(const Kpi& kpi, std::string_view key);

/// {"provinceCode":"851","province":"Guizhou"}: a dimension's label is null when the table lacks the code.
void append_by(const Kpi& kpi, std::string_view key, std::string& out);

/// {"total":3,"success_rate":0.5,"duration_ms":{"min":1,"max":2,"mean":1.5}}: what has no value is null.
void append_values(const Kpi& kpi, const Group& group, std::string& out);

/// The same for a table: one heading and one text per shown figure.
std::vector<std::string> value_headings(const Kpi& kpi);
std::vector<std::string> value_texts(const Kpi& kpi, const Group& group);

}  // namespace waybill::kpi
