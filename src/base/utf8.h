#pragma once
// UTF-8 (RFC 3629), for names that come from outside and must go into JSON and protobuf strings.

#include <cstddef>
#include <string>
#include <string_view>

namespace waybill {

/// Length in bytes (1 to 4) of the well-formed sequence that `text` begins with; 0 when it begins with none
/// (empty, a stray or missing continuation byte, an overlong form, a surrogate, above U+10FFFF).
size_t utf8_sequence_length(std::string_view text);

bool is_utf8(std::string_view text);

/// The text with U+FFFD in place of each byte that belongs to no well-formed sequence. Unchanged when
/// is_utf8(text).
std::string to_utf8(std::string_view text);

}  // namespace waybill
