#include "cli/host.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "base/types.h"

namespace waybill::cli {

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

std::string owner_id() {
  return fmt::format("waybill-{}-{}-{}", host_name(), getpid(), Id128::random().hex().substr(0, 8));
}

std::string version() { return WAYBILL_VERSION; }

}  // namespace waybill::cli
