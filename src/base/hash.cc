#include "base/hash.h"

#include <cstring>

namespace waybill {

uint32_t murmur2(std::string_view bytes) {
  constexpr uint32_t kM = 0x5bd1e995;
  constexpr int kR = 24;
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t left = bytes.size();
  uint32_t h = 0x9747b28cu ^ static_cast<uint32_t>(left);
  for (; left >= 4; data += 4, left -= 4) {
    uint32_t k;
    std::memcpy(&k, data, 4);
    k *= kM;
    k ^= k >> kR;
    k *= kM;
    h = (h * kM) ^ k;
  }
  switch (left) {
    case 3:
      h ^= static_cast<uint32_t>(data[2]) << 16;
      [[fallthrough]];
    case 2:
      h ^= static_cast<uint32_t>(data[1]) << 8;
      [[fallthrough]];
    case 1:
      h ^= data[0];
      h *= kM;
      break;
    default:
      break;
  }
  h ^= h >> 13;
  h *= kM;
  h ^= h >> 15;
  return h;
}

}  // namespace waybill
