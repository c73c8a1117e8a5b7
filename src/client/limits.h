#pragma once
// Every bound on what counting may cost the host process. What exceeds one is counted in tally::Dropped.

#include <cstddef>
#include <cstdint>

namespace waybill::client {

struct Limits {
  size_t clients = 1000;     ///< clients with data at a time; a further one is not audited
  size_t topics = 1000;      ///< topics per client; messages of a further one are dropped and counted
  size_t partitions = 8192;  ///< partitions per recorder; messages of a further one are dropped and counted
  size_t buckets = 64;       ///< normal buckets per (client, topic) and report; others go to `far`
  int64_t runs = 262'144;    ///< offset runs between two drains; further offsets are dropped and counted
  size_t pending_runs =
      524'288;  ///< offset runs that wait for a report; further ones are dropped and counted
  size_t pending_items = 262'144;  ///< buckets, rates and positions that wait for a report
};

/// A time is put into its own bucket when it lies within [now - kPastMs, now + kFutureMs], else into `far`.
/// The bucket that holds a border counts as inside as a whole while it is in use.
inline constexpr int64_t kPastMs = 7LL * 24 * 3600 * 1000;
inline constexpr int64_t kFutureMs = 3600LL * 1000;

}  // namespace waybill::client
