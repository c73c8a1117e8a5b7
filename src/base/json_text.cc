#include "base/json_text.h"

#include <charconv>
#include <cmath>

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

void append_json_number(std::string& out, int64_t value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char text[40];
  const std::string_view written(text, std::to_chars(text, text + sizeof(text), value).ptr);
  out += written;
  if (written.find_first_of(".e") == std::string_view::npos) out += ".0";
}

}  // namespace waybill
