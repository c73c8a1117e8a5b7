#include "sink/latest_rows.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace waybill::sink {

LatestRows::Name LatestRows::name_of(const flow::OutboxKey& key) {
  const XXH64_hash_t table = XXH3_64bits(key.table.data(), key.table.size());
  const XXH128_hash_t name = XXH3_128bits_withSeed(key.key.data(), key.key.size(), table);
  return {name.high64, name.low64};
}

Result<void> LatestRows::look(flow::Store& store, int64_t cursor) {
  looked_to_ = std::max(looked_to_, cursor);
  while (looked_to_ - cursor <= kRowsMax - kRowsAtOnce) {
    auto names = store.outbox({.after = looked_to_, .limit = kRowsAtOnce, .bodies = false});
    if (!names) return tl::make_unexpected(std::move(names.error()));
    for (const flow::OutboxRow& row : *names) rows_[name_of(row.key)].sequence = row.sequence;
    if (!names->empty()) looked_to_ = names->back().sequence;
    if (static_cast<int64_t>(names->size()) < kRowsAtOnce) break;
  }
  return {};
}

bool LatestRows::superseded(const flow::OutboxRow& row) {
  if (row.sequence > looked_to_) return false;
  auto latest = rows_.find(name_of(row.key));
  if (latest == rows_.end()) return false;
  if (latest->second.sequence <= row.sequence) {
    rows_.erase(latest);
    if (rows_.empty()) forget();  // gives the memory back
    return false;
  }
  if (latest->second.skips == kSkipsMax) {
    latest->second.skips = 0;
    return false;
  }
  ++latest->second.skips;
  return true;
}

void LatestRows::forget() {
  rows_ = {};
  looked_to_ = 0;
}

}  // namespace waybill::sink
