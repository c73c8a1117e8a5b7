#pragma once
// The little JSON writing that this folder needs.

#include <string>
#include <string_view>

namespace waybill::http {

/// A JSON string with its quotes (RFC 8259). Always valid JSON: bytes that are not UTF-8 become U+FFFD, and
/// '<', '>' and '&' are escaped so that the text is harmless inside markup too.
std::string json_string(std::string_view text);

}  // namespace waybill::http
