#include "base/utf8.h"

#include <cstdint>

namespace waybill {
namespace {

uint8_t byte_at(std::string_view text, size_t i) { return static_cast<uint8_t>(text[i]); }

/// The table of RFC 3629, section 4: length by first byte, and the range of the second byte.
struct Lead {
  size_t length = 0;
  uint8_t second_low = 0x80;
  uint8_t second_high = 0xbf;
};

Lead lead_of(uint8_t first) {
  if (first >= 0xc2 && first <= 0xdf) return {2};
  if (first == 0xe0) return {3, 0xa0};
  if (first == 0xed) return {3, 0x80, 0x9f};
  if (first >= 0xe1 && first <= 0xef) return {3};
  if (first == 0xf0) return {4, 0x90};
  if (first == 0xf4) return {4, 0x80, 0x8f};
  if (first >= 0xf1 && first <= 0xf3) return {4};
  return {};
}

/// Number of leading bytes that form well-formed sequences.
size_t good_prefix(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    if (byte_at(text, i) < 0x80) {
      ++i;
      continue;
    }
    const size_t length = utf8_sequence_length(text.substr(i));
    if (length == 0) break;
    i += length;
  }
  return i;
}

}  // namespace

size_t utf8_sequence_length(std::string_view text) {
  if (text.empty()) return 0;
  if (byte_at(text, 0) < 0x80) return 1;
  const Lead lead = lead_of(byte_at(text, 0));
  if (lead.length == 0 || text.size() < lead.length) return 0;
  if (byte_at(text, 1) < lead.second_low || byte_at(text, 1) > lead.second_high) return 0;
  for (size_t i = 2; i < lead.length; ++i) {
    if ((byte_at(text, i) & 0xc0) != 0x80) return 0;
  }
  return lead.length;
}

bool is_utf8(std::string_view text) { return good_prefix(text) == text.size(); }

std::string to_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    const size_t good = good_prefix(text);
    out.append(text.substr(0, good));
    if (good == text.size()) return out;
    out.append("\xef\xbf\xbd");
    text.remove_prefix(good + 1);
  }
}

}  // namespace waybill
