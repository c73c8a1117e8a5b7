#pragma once
// Where a page ended, as opaque text.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "flow/rows.h"

namespace waybill::store {

/// URL-safe text that holds the key of the last row of a page.
std::string encode_cursor(const std::vector<flow::Value>& key);
/// kInvalid when it does not hold a key of this table.
Result<std::vector<flow::Value>> decode_cursor(const flow::TableSpec& table, std::string_view cursor);

}  // namespace waybill::store
