#pragma once
// Bytes of the collector's stored state. Private to this folder: the state is read by the program that wrote
// it.

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/types.h"
#include "tally/bucket.h"

namespace waybill::audit {

/// Appends values to a string.
class StateWriter : public ByteWriter {
 public:
  void id(const Id128& id) { raw({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()}); }
  void label(const tally::BucketLabel& l) {
    u64(static_cast<uint64_t>(l.kind));
    if (l.kind == tally::BucketKind::kNormal) i64(l.start.value);
  }
  /// Sorted disjoint ranges as pairs (gap, length).
  void runs(const std::vector<OffsetRange>& runs) {
    u64(runs.size());
    int64_t at = 0;
    for (const OffsetRange& r : runs) {
      u64(static_cast<uint64_t>(r.begin.value - at));
      u64(static_cast<uint64_t>(r.size()));
      at = r.end.value;
    }
  }
};

/// Reads what a StateWriter wrote.
class StateReader : public ByteReader {
 public:
  using ByteReader::ByteReader;
  Id128 id() {
    Id128 out;
    const std::string_view bytes = raw(out.bytes.size());
    std::copy_n(bytes.begin(), bytes.size(), out.bytes.begin());
    return out;
  }
  tally::BucketLabel label() {
    tally::BucketLabel l;
    uint64_t kind = u64();
    if (kind > 2) return fault(), l;
    l.kind = static_cast<tally::BucketKind>(kind);
    if (l.kind == tally::BucketKind::kNormal) l.start = BucketStart(i64());
    return l;
  }
  std::vector<OffsetRange> runs() {
    std::vector<OffsetRange> out;
    int64_t at = 0;
    for (uint64_t n = count(); n > 0 && ok(); --n) {
      int64_t begin = at + static_cast<int64_t>(u64());
      at = begin + static_cast<int64_t>(u64());
      out.push_back({Offset(begin), Offset(at)});
    }
    return out;
  }
};

}  // namespace waybill::audit
