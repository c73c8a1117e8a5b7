#pragma once
// Percent-encoding (RFC 3986, section 2.1), for addresses and for names that must be one word.

#include <string>
#include <string_view>

namespace waybill {

/// What need not be encoded anywhere in a URI: letters, digits and "-._~".
constexpr bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

/// Appends the text with %XX, in upper case, for each byte that `plain(char)` does not keep. It can be
/// decoded when `plain` does not keep '%'.
template <class Plain>
void append_percent_encoded(std::string& out, std::string_view text, Plain plain) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (plain(c)) {
      out += c;
    } else {
      ((out += '%') += kHex[byte >> 4]) += kHex[byte & 15];
    }
  }
}

/// For one segment of a path, a name or value in a query, or another part of a URI: only is_unreserved() is
/// kept.
std::string percent_encode(std::string_view text);

}  // namespace waybill
