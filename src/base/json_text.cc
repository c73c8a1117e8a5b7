#include "base/json_text.h"

#include "base/utf8.h"

namespace waybill {

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '"' || byte == '\\') {
      (out += '\\') += text[at++];
    } else if (byte < 0x20) {
      (((out += "\\u00") += kHex[byte >> 4]) += kHex[byte & 15]);
      ++at;
    } else if (byte < 0x80) {
      out += text[at++];
    } else if (const size_t length = utf8_sequence_length(text.substr(at)); length > 0) {
      out.append(text.substr(at, length));
      at += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++at;
    }
  }
  out += '"';
}

}  // namespace waybill
