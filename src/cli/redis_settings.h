#pragma once
// What `redis:` says, as part of the Config.

#include "base/time.h"
#include "sink/redis_connection.h"

namespace waybill::cli {

struct RedisSettings {
  sink::RedisAddress address;
  sink::RedisLogin login;
  Millis ttl{48LL * 3'600'000};
  int64_t stream_length = 10'000;  ///< 0 = no stream
  int64_t outbox_rows = 50'000;    ///< that may wait while Redis is away; then everything is written anew
};

}  // namespace waybill::cli
