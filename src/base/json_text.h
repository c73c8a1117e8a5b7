#pragma once
// JSON written by hand, where a document is built on the way.

#include <string>
#include <string_view>

namespace waybill {

/// Appends the text as a JSON string with its quotes (RFC 8259). Always valid JSON: bytes that are not UTF-8
/// become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace waybill
