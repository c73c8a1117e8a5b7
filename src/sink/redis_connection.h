#pragma once
// A connection to Redis that sends many commands at once. The one door to hiredis.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "sink/redis_url.h"

namespace waybill::sink {

struct RedisLogin {
  std::string user;      ///< empty: the default user
  std::string password;  ///< empty: none is sent
};

struct RedisReply {
  enum class Kind : uint8_t { kNull, kInteger, kText, kError, kList } kind = Kind::kNull;
  int64_t integer = 0;
  std::string text;  ///< kText, kError
  std::vector<RedisReply> items{};
};

using RedisCommand = std::vector<std::string>;  ///< name and arguments, any bytes

/// Not thread-safe. After an error of run() the connection is of no more use. SIGPIPE must be ignored.
class RedisConnection {
 public:
  virtual ~RedisConnection() = default;
  /// Sends all, then reads a reply for each, in order; no answer within the timeout of open() is
  /// kUnavailable. An error that Redis answers is a reply.
  virtual Result<std::vector<RedisReply>> run(std::span<const RedisCommand> commands) = 0;
};

/// Connects, logs in, selects the database. `timeout` holds for each read and write, too. kDenied: Redis
/// refuses user or password; kUnavailable.
Result<std::unique_ptr<RedisConnection>> open_redis(const RedisAddress& address, const RedisLogin& login,
                                                    Millis timeout);

}  // namespace waybill::sink
