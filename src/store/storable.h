#pragma once
// Text that every server keeps byte by byte. Pure.

#include <cstddef>
#include <string>
#include <string_view>

#include "flow/rows.h"

namespace waybill::store {

/// Longest text in a key column, in bytes.
inline constexpr size_t kKeyTextBytesMax = 255;

/// UTF-8 without NUL is kept as it is; each other byte becomes U+FFFD, as servers refuse or cut such text.
bool is_storable(std::string_view text);
std::string to_storable(std::string_view text);

/// A longer text is cut and gets a hash of the whole in its place, so that different texts stay different.
bool is_storable_key(std::string_view text);
std::string to_storable_key(std::string_view text);

/// Whether all text of a change is storable; numbers are.
bool is_storable(const flow::RowChange& change);
flow::RowChange to_storable(const flow::RowChange& change);

}  // namespace waybill::store
