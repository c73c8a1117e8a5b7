#pragma once
// Which buckets of a topic may still change (DESIGN 4.5: settled behind the barrier plus grace; a later
// report reopens). Pure.

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "audit/state_codec.h"
#include "base/types.h"
#include "tally/bucket.h"

namespace waybill::audit {

/// Open buckets of one width, by start. Memory: open buckets only; a settled one is forgotten until it is
/// touched again.
class OpenBuckets {
 public:
  struct Open {
    int64_t sequence = 0;          ///< newest record that changed it
    BucketStart example;           ///< start of a finest bucket inside
    std::set<std::string> groups;  ///< whose rows carry the mark; "" = the produce side
  };

  void touch(BucketStart start, BucketStart example, const std::string& group, int64_t sequence) {
    Open& open = open_[start];
    open.sequence = sequence;
    open.example = example;
    open.groups.insert(group);
  }
  bool is_open(BucketStart start) const { return open_.contains(start); }
  size_t size() const { return open_.size(); }

  /// Settles every bucket that ended by `complete_up_to_ms` (grace taken off already) and whose last change
  /// is behind `barrier`; calls f(bucket) for each. Returns whether there was one.
  template <class F>
  bool settle(int64_t width_ms, int64_t complete_up_to_ms, int64_t barrier, F f) {
    bool any = false;
    for (auto it = open_.begin(); it != open_.end();) {
      if (it->first.value > complete_up_to_ms - width_ms) break;
      if (it->second.sequence >= barrier) {
        ++it;
        continue;
      }
      Open done = std::move(it->second);
      it = open_.erase(it);
      f(done);
      any = true;
    }
    return any;
  }

  void save(StateWriter& out) const {
    out.u64(open_.size());
    for (const auto& [start, open] : open_) {
      out.i64(start.value);
      out.i64(open.sequence);
      out.i64(open.example.value);
      out.u64(open.groups.size());
      for (const std::string& g : open.groups) out.text(g);
    }
  }
  void load(StateReader& in) {
    for (uint64_t n = in.count(); n > 0 && in.ok(); --n) {
      Open& open = open_[BucketStart(in.i64())];
      open.sequence = in.i64();
      open.example = BucketStart(in.i64());
      for (uint64_t g = in.count(); g > 0 && in.ok(); --g) open.groups.insert(in.text());
    }
  }

 private:
  std::map<BucketStart, Open> open_;
};

}  // namespace waybill::audit
