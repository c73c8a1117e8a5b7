#pragma once
// Which rows of the outbox a later one of the same name makes needless.

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <utility>

#include "base/result.h"
#include "flow/store.h"

namespace waybill::sink {

/// Looks ahead through the names of the rows, (table, key), told apart by 128 bits of a hash. About 0.5 us
/// and at most 33 bytes a row. Not thread-safe.
class LatestRows {
 public:
  static constexpr int64_t kRowsMax = 400'000;    ///< it looks no further ahead
  static constexpr int64_t kRowsAtOnce = 16'384;  ///< in one read
  /// So many rows of a name in turn are needless; the next one is not, or one that comes again and again
  /// would be put off for ever.
  static constexpr int kSkipsMax = 8;

  /// Reads names of rows behind `cursor`, up to which all are done. Errors: the store's.
  Result<void> look(flow::Store& store, int64_t cursor);
  /// Whether a later row of this name waits in the outbox. Each row is asked about once, in their order.
  bool superseded(const flow::OutboxRow& row);
  void forget();

 private:
  using Name = std::pair<uint64_t, uint64_t>;
  struct Latest {
    int64_t sequence = 0;
    int skips = 0;
  };
  static Name name_of(const flow::OutboxKey& key);

  absl::flat_hash_map<Name, Latest> rows_;
  int64_t looked_to_ = 0;
};

}  // namespace waybill::sink
