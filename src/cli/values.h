#pragma once
// Texts of the configuration and the command line to values. Pure.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace waybill::cli {

/// "200ms", "10s", "5m", "2h", "7d"; a whole number and a unit. kInvalid otherwise or above 100 years.
Result<Millis> parse_duration(std::string_view text);
/// The shortest exact text: "90s", "2h".
std::string duration_text(Millis value);

/// "512", "64KiB", "16MiB", "1GiB" (powers of 1024), "10kB", "10MB" (powers of 1000). In bytes.
Result<int64_t> parse_size(std::string_view text);

struct Address {
  std::string host;  ///< an IP address without brackets
  uint16_t port = 0;
  bool loopback = false;
};
/// "127.0.0.1:8420", "[::1]:8420", "localhost:8420".
Result<Address> parse_address(std::string_view text);

/// The value of a variable of the environment, nullopt when it is not set.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;
/// Replaces ${NAME}, ${NAME:-default} (also when NAME is set and empty) and $$. A '$' before anything else
/// stays. kInvalid: an unset NAME without default, an unfinished ${, a bad name. The message holds no value.
Result<std::string> expand_variables(std::string_view text, const Lookup& lookup);

}  // namespace waybill::cli
