#include "base/base64.h"

#include <array>
#include <cstdint>

namespace waybill {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> make_table() {
  std::array<int8_t, 256> table{};
  for (auto& v : table) v = -1;
  for (int i = 0; i < 64; ++i) table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
  return table;
}
constexpr auto kTable = make_table();

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  size_t i = 0;
  auto at = [&](size_t n) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[n])); };
  for (; i + 3 <= bytes.size(); i += 3) {
    const uint32_t v = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out.append({kAlphabet[v >> 18], kAlphabet[v >> 12 & 63], kAlphabet[v >> 6 & 63], kAlphabet[v & 63]});
  }
  if (bytes.size() - i == 1) {
    const uint32_t v = at(i) << 16;
    out.append({kAlphabet[v >> 18], kAlphabet[v >> 12 & 63], '=', '='});
  } else if (bytes.size() - i == 2) {
    const uint32_t v = at(i) << 16 | at(i + 1) << 8;
    out.append({kAlphabet[v >> 18], kAlphabet[v >> 12 & 63], kAlphabet[v >> 6 & 63], '='});
  }
  return out;
}

Result<std::string> base64_decode(std::string_view text) {
  auto corrupt = [] { return fail(Errc::kCorrupt, "not canonical base64"); };
  if (text.size() % 4 != 0) return corrupt();
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    const size_t digits = i + 4 == text.size() ? 4 - padding : 4;
    uint32_t v = 0;
    for (size_t j = 0; j < 4; ++j) {
      const int digit = j < digits ? kTable[static_cast<unsigned char>(text[i + j])] : 0;
      if (digit < 0) return corrupt();
      v = v << 6 | static_cast<uint32_t>(digit);
    }
    const char group[3] = {static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
    const uint32_t unused = digits == 4 ? 0 : digits == 3 ? v & 0xff : v & 0xffff;
    if (unused != 0) return corrupt();
    out.append(group, digits - 1);
  }
  return out;
}

}  // namespace waybill
