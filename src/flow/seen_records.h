#pragma once
// Which records were handed out already, by their keys, for sources that hand out a stretch of time again.

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "flow/task.h"

namespace waybill::flow {

/// Keys are known by 128 bits of XXH3. Not thread-safe. Memory: about 60 bytes a record. State: segments
/// "seen/NUMBER" of entries {hash 16 bytes, offset 8 bytes}.
class SeenRecords {
 public:
  /// More are not remembered: the oldest are forgotten, and would count again.
  static constexpr size_t kSeenMax = 20'000'000;

  /// Records are remembered while their offset is at least the position minus `keep`.
  explicit SeenRecords(int64_t keep) : keep_(keep) {}

  /// Whether the key is new; it is remembered from now on.
  bool add(std::string_view key, Offset offset);
  /// Forgets what is too old for this position.
  void pass(Offset position);
  size_t size() const { return seen_.size(); }
  int64_t forgotten() const { return forgotten_; }

  /// Appends what has changed since the last call.
  void flush(std::vector<SegmentChange>& changes);
  /// kCorrupt when a segment is none of ours.
  Result<void> restore(const SegmentReader& segments);

 private:
  struct Hash {
    uint64_t low = 0, high = 0;
    bool operator==(const Hash&) const = default;
    template <class H>
    friend H AbslHashValue(H h, const Hash& hash) {
      return H::combine(std::move(h), hash.low, hash.high);
    }
  };
  struct Entry {
    Hash hash;
    int64_t offset = 0;
  };
  struct Slice {
    uint64_t number = 0;
    int64_t newest = INT64_MIN;
    std::vector<Entry> entries;
    size_t written = 0;  ///< so many are in the segment
  };
  void drop_first();

  int64_t keep_;
  absl::flat_hash_set<Hash> seen_;
  std::deque<Slice> slices_;
  std::vector<uint64_t> dropped_;  ///< numbers of slices whose segments are to be dropped
  uint64_t next_slice_ = 0;
  int64_t forgotten_ = 0;
};

}  // namespace waybill::flow
