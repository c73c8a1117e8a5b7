#include "tally/bucket.h"

#include "base/assert.h"
#include "base/saturate.h"

namespace waybill::tally {

void Bucket::merge(const Bucket& other) {
  ASSERT(label == other.label);
  time_types |= other.time_types;
  count = saturating_add(count, other.count);
  bytes = saturating_add(bytes, other.bytes);
  unknown = saturating_add(unknown, other.unknown);
  offset_unknown = saturating_add(offset_unknown, other.offset_unknown);
  for (const auto& [code, times] : other.failed) {
    uint64_t& mine = failed[code];
    mine = saturating_add(mine, times);
  }
  latency.merge(other.latency);
}

}  // namespace waybill::tally
