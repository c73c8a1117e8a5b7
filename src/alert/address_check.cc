#include "alert/address_check.h"

#include <algorithm>
#include <array>

namespace waybill::alert {
namespace {

struct Range {
  std::array<uint8_t, 16> prefix;
  int bits;
  std::string_view why;
};

constexpr std::string_view kMetadata = "an address where clouds keep secrets, which is never allowed";
constexpr std::string_view kLinkLocal = "link-local, which is never allowed";
constexpr std::string_view kSpecial = "no address of one machine, which is never allowed";
constexpr std::string_view kLoopback = "loopback, which needs allow_private: true";
constexpr std::string_view kPrivate = "private, which needs allow_private: true";

constexpr Range kNever4[] = {
    {{0}, 8, kSpecial},
    {{100, 100, 100, 200}, 32, kMetadata},  // Aliyun
    {{168, 63, 129, 16}, 32, kMetadata},    // Azure
    {{169, 254}, 16, kLinkLocal},           // and the metadata of most clouds
    {{192, 0, 0, 192}, 32, kMetadata},      // Oracle
    {{224}, 4, kSpecial},
    {{240}, 4, kSpecial},
};
constexpr Range kPrivate4[] = {
    {{10}, 8, kPrivate},       {{100, 64}, 10, kPrivate},   {{127}, 8, kLoopback},
    {{172, 16}, 12, kPrivate}, {{192, 0, 0}, 24, kPrivate}, {{192, 168}, 16, kPrivate},
    {{198, 18}, 15, kPrivate},
};
constexpr Range kNever6[] = {
    {{0}, 128, kSpecial},
    {{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128, kMetadata},  // AWS
    {{0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128, kMetadata},  // Google
    {{0xfe, 0x80}, 10, kLinkLocal},
    {{0xff}, 8, kSpecial},
};
constexpr Range kPrivate6[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, kLoopback},
    {{0xfc}, 7, kPrivate},
    {{0xfe, 0xc0}, 10, kPrivate},
};
/// IPv4 addresses inside: where their four bytes are.
struct Inner {
  std::array<uint8_t, 16> prefix;
  int bits;
  size_t at;
};
constexpr Inner kInner[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12},
    {{0, 0x64, 0xff, 0x9b}, 96, 12},
    {{0x20, 0x02}, 16, 2},
};

bool within(std::span<const uint8_t> address, const std::array<uint8_t, 16>& prefix, int bits) {
  const auto whole = static_cast<size_t>(bits / 8);
  if (!std::equal(address.begin(), address.begin() + static_cast<long>(whole), prefix.begin())) return false;
  const int rest = bits % 8;
  return rest == 0 || (address[whole] ^ prefix[whole]) >> (8 - rest) == 0;
}

template <size_t N>
std::string_view found_in(const Range (&ranges)[N], std::span<const uint8_t> address) {
  for (const Range& range : ranges)
    if (within(address, range.prefix, range.bits)) return range.why;
  return {};
}

}  // namespace

std::string_view refused_address(std::span<const uint8_t> address, bool allow_private) {
  if (address.size() == 4) {
    auto never = found_in(kNever4, address);
    return !never.empty() || allow_private ? never : found_in(kPrivate4, address);
  }
  if (address.size() != 16) return "no IP address, which is never allowed";
  for (const Inner& inner : kInner)
    if (within(address, inner.prefix, inner.bits))
      return refused_address(address.subspan(inner.at, 4), allow_private);
  auto never = found_in(kNever6, address);
  return !never.empty() || allow_private ? never : found_in(kPrivate6, address);
}

}  // namespace waybill::alert
