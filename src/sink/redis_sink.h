#pragma once
// Shows figures in Redis: hashes with absolute values, and a stream of what changes (docs/redis.md).

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "flow/figure.h"
#include "flow/store.h"
#include "sink/forward_sink.h"
#include "sink/redis_connection.h"

namespace waybill::sink {

inline constexpr std::string_view kRedisStream = "waybill:live";
inline constexpr std::string_view kRedisMark = "waybill:sync";
inline constexpr int64_t kRedisStatusEveryMs = 2'000;

/// "waybill" and the parts, joined by ':'; in a part, '%', ':' and control characters are %XX.
std::string redis_key(const std::vector<std::string>& name);

/// A row that changed, as the outbox names it.
struct RowName {
  std::string_view table;
  std::string_view name;
};

/// Makes figures of the store's rows. Used from one thread.
class FigureReader {
 public:
  virtual ~FigureReader() = default;
  /// The figures of these rows as they are now. What is gone, or of no more interest, gives none.
  virtual Result<void> read(std::span<const RowName> rows, const flow::TakeFigure& take) = 0;
  /// All figures that are still shown.
  virtual std::unique_ptr<flow::FigureScan> read_all() = 0;
  /// What changes with the time alone; asked every kRedisStatusEveryMs.
  virtual Result<void> read_status(const flow::TakeFigure& take) = 0;
};

struct RedisOptions {
  RedisAddress address;
  RedisLogin login;
  Millis ttl{48LL * 3'600'000};    ///< of a hash, from when it was written last
  int64_t stream_length = 10'000;  ///< about so many entries are kept; 0 = no stream
};

/// A hash is written by a script that leaves a newer one alone (by the outbox's sequence), so a late retry
/// changes nothing. `waybill:sync` says up to which sequence this Redis has everything of this store: when it
/// is absent or older than what was delivered (an emptied, replaced or restored Redis, or a long outage), all
/// figures are written anew. The store and the clock outlive it.
std::unique_ptr<ForwardSink> make_redis_sink(RedisOptions options, flow::Store& store, const Clock& clock,
                                             std::unique_ptr<FigureReader> reader);

}  // namespace waybill::sink
