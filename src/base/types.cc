#include "base/types.h"

#include <sys/random.h>

#include <cstdlib>

namespace waybill {

std::string Id128::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(32);
  for (uint8_t b : bytes) {
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 15]);
  }
  return out;
}

Id128 Id128::random() {
  Id128 id;
  if (getrandom(id.bytes.data(), id.bytes.size(), 0) != static_cast<ssize_t>(id.bytes.size())) std::abort();
  return id;
}

}  // namespace waybill
