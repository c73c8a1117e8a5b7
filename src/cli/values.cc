#include "cli/values.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace waybill::cli {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};
constexpr std::array<Unit, 5> kTimeUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 8> kSizeUnits = {{{"", 1},
                                             {"B", 1},
                                             {"KiB", 1LL << 10},
                                             {"MiB", 1LL << 20},
                                             {"GiB", 1LL << 30},
                                             {"kB", 1000},
                                             {"MB", 1'000'000},
                                             {"GB", 1'000'000'000}}};
constexpr int64_t kDurationMax = 100LL * 365 * 86'400'000;

std::optional<int64_t> with_unit(std::string_view text, std::span<const Unit> units, int64_t max) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  std::string_view name(end, static_cast<size_t>(text.data() + text.size() - end));
  for (const Unit& unit : units) {
    if (unit.name == name)
      return number > max / unit.factor ? std::nullopt : std::optional(number * unit.factor);
  }
  return std::nullopt;
}

bool is_loopback(const std::string& host, bool& valid) {
  in_addr v4{};
  in6_addr v6{};
  valid = true;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  valid = false;
  return false;
}

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  for (char c : name) {
    bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!good) return false;
  }
  return true;
}

}  // namespace

Result<Millis> parse_duration(std::string_view text) {
  auto value = with_unit(text, kTimeUnits, kDurationMax);
  if (!value) {
    return fail(Errc::kInvalid,
                fmt::format("\"{}\" is no duration; a number with ms, s, m, h or d is, e.g. 10s", text));
  }
  return Millis(*value);
}

std::string duration_text(Millis value) {
  for (const Unit& unit : kTimeUnits) {
    if (value.count() != 0 && value.count() % unit.factor == 0)
      return fmt::format("{}{}", value.count() / unit.factor, unit.name);
  }
  return "0s";
}

Result<int64_t> parse_size(std::string_view text) {
  auto value = with_unit(text, kSizeUnits, std::numeric_limits<int64_t>::max());
  if (!value) {
    return fail(Errc::kInvalid,
                fmt::format("\"{}\" is no size; a number with KiB, MiB or GiB is, e.g. 16MiB", text));
  }
  return *value;
}

Result<Address> parse_address(std::string_view text) {
  auto bad = [text](std::string_view what) {
    return fail(
        Errc::kInvalid,
        fmt::format("\"{}\" {}; ADDRESS:PORT is needed, e.g. 127.0.0.1:8420 or [::1]:8420", text, what));
  };
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("has no port");
  std::string_view host = text.substr(0, colon);
  std::string_view port = text.substr(colon + 1);
  Address address;
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size())
    return bad("has no port from 0 to 65535");
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) return bad("has no IP address");
  } else if (host.find(':') != std::string_view::npos) {
    return bad("has an IPv6 address without brackets");
  }
  address.host = host == "localhost" ? "127.0.0.1" : std::string(host);
  bool valid = false;
  address.loopback = is_loopback(address.host, valid);
  if (!valid) return bad("has no IP address");
  return address;
}

Result<std::string> expand_variables(std::string_view text, const Lookup& lookup) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] != '$' || (next != '$' && next != '{')) {
      out.push_back(text[i]);
      continue;
    }
    if (next == '$') {
      out.push_back('$');
      ++i;
      continue;
    }
    size_t close = text.find('}', i);
    if (close == std::string_view::npos)
      return fail(Errc::kInvalid, "\"${\" without \"}\"; write $${ for the characters themselves");
    std::string_view inside = text.substr(i + 2, close - i - 2);
    size_t dash = inside.find(":-");
    std::string_view name = inside.substr(0, dash);
    if (!is_variable_name(name)) {
      return fail(Errc::kInvalid, fmt::format("\"${{{}}}\" names no variable; ${{NAME}} or "
                                              "${{NAME:-default}} is allowed, $$ is a dollar sign",
                                              inside));
    }
    std::optional<std::string> value = lookup(name);
    bool has_default = dash != std::string_view::npos;
    if (!value && !has_default) {
      return fail(Errc::kInvalid,
                  fmt::format("the variable {} is not set; set it or write ${{{}:-default}}", name, name));
    }
    if (has_default && (!value || value->empty())) value = std::string(inside.substr(dash + 2));
    out += *value;
    i = close;
  }
  return out;
}

}  // namespace waybill::cli
