#pragma once
// Where a Redis is.

#include <string>
#include <string_view>

#include "base/result.h"

namespace waybill::sink {

struct RedisAddress {
  std::string host;  ///< name or address, without brackets; empty with `socket`
  int port = 6379;
  std::string socket{};  ///< path of a UNIX socket
  int database = 0;      ///< 0 to 9999
  /// Without database; for the log.
  std::string str() const;
};

/// "redis://127.0.0.1", "redis://[::1]:6380/2", "redis+unix:///run/redis/redis.sock?db=2". kInvalid, with
/// what is allowed: no user and password here, no TLS.
Result<RedisAddress> parse_redis_url(std::string_view url);

}  // namespace waybill::sink
