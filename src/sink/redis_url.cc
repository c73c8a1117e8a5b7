#include "sink/redis_url.h"

#include <charconv>
#include <optional>

namespace waybill::sink {
namespace {

constexpr std::string_view kTcp = "redis://", kUnix = "redis+unix://", kTls = "rediss://";
constexpr std::string_view kDatabase = "?db=";
constexpr size_t kSocketBytesMax = 107;  // sockaddr_un

std::optional<int> whole_number(std::string_view text, int most) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0 || value > most)
    return std::nullopt;
  return value;
}

bool read_socket(std::string_view rest, RedisAddress& address) {
  const size_t at = rest.rfind(kDatabase);
  if (at != std::string_view::npos) {
    auto database = whole_number(rest.substr(at + kDatabase.size()), 9999);
    if (!database) return false;
    address.database = *database;
    rest = rest.substr(0, at);
  }
  address.socket = rest;
  return rest.starts_with('/') && rest.size() > 1 && rest.size() <= kSocketBytesMax;
}

bool read_host(std::string_view rest, RedisAddress& address) {
  if (const size_t slash = rest.find('/'); slash != std::string_view::npos) {
    auto database = whole_number(rest.substr(slash + 1), 9999);
    if (!database && slash + 1 != rest.size()) return false;
    address.database = database.value_or(0);
    rest = rest.substr(0, slash);
  }
  const size_t bracket = rest.rfind(']');
  const size_t colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    auto port = whole_number(rest.substr(colon + 1), 65535);
    if (!port || *port == 0) return false;
    address.port = *port;
    rest = rest.substr(0, colon);
  }
  if (rest.size() > 2 && rest.front() == '[' && rest.back() == ']') {
    rest = rest.substr(1, rest.size() - 2);
  } else if (rest.find_first_of(":[]/@? ") != std::string_view::npos) {
    return false;
  }
  address.host = rest;
  return !rest.empty();
}

}  // namespace

std::string RedisAddress::str() const {
  if (!socket.empty()) return socket;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<RedisAddress> parse_redis_url(std::string_view url) {
  if (url.starts_with(kTls))
    return fail(
        Errc::kInvalid,
        "TLS is not spoken; let a tunnel (stunnel) on this machine do it and use redis://127.0.0.1:PORT");
  RedisAddress address;
  const bool fine = url.starts_with(kUnix)  ? read_socket(url.substr(kUnix.size()), address)
                    : url.starts_with(kTcp) ? read_host(url.substr(kTcp.size()), address)
                                            : false;
  if (fine) return address;
  // A password that somebody wrote into it is not shown.
  if (url.find('@') != std::string_view::npos)
    return fail(Errc::kInvalid, "this is no address of a Redis; user and password have keys of their own");
  return fail(Errc::kInvalid, "\"" + std::string(url) +
                                  "\" is no address of a Redis; redis://127.0.0.1:6379/0 or "
                                  "redis+unix:///run/redis/redis.sock?db=0 are");
}

}  // namespace waybill::sink
