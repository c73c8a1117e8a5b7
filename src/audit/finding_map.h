#pragma once
// Ranges of offsets with a value, and which of them differ from the rows already written. Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/types.h"

namespace waybill::audit {

/// Disjoint ranges with values; neighbours that touch and are equal are one range. Remembers for each range
/// that changed what was written for it last, so that a flush costs what changed and not what is there.
/// Memory: one node per range. V needs ==. Not thread-safe.
template <class V>
class FindingMap {
 public:
  struct Entry {
    OffsetRange range;
    V value;
  };
  /// A range as it was written; absent = it was not.
  using Written = std::optional<std::pair<Offset, V>>;

  /// Cuts `range` into maximal pieces of one value (or none) and replaces each by f(piece, value or null);
  /// nullopt removes it. O((ranges touched + 2) log ranges). `clock_ms` is kept for ranges that come to be.
  template <class F>
  void update(OffsetRange range, int64_t clock_ms, F f) {
    if (range.empty()) return;
    std::vector<Entry> old = take(range);
    std::vector<Entry> fresh;
    auto put = [&fresh](OffsetRange piece, const V& value) {
      if (!fresh.empty() && fresh.back().range.end == piece.begin && fresh.back().value == value) {
        fresh.back().range.end = piece.end;
      } else {
        fresh.push_back({piece, value});
      }
    };
    auto change = [&](OffsetRange piece, const V* value) {
      if (piece.empty()) return;
      if (std::optional<V> next = f(piece, value)) put(piece, *next);
    };
    Offset at = range.begin;
    for (const Entry& e : old) {
      Offset begin = std::max(e.range.begin, range.begin);
      Offset end = std::min(e.range.end, range.end);
      if (e.range.begin < range.begin) put({e.range.begin, std::min(e.range.end, range.begin)}, e.value);
      if (begin < end) {
        change({at, begin}, nullptr);
        change({begin, end}, &e.value);
        at = end;
      }
      if (e.range.end > range.end) {
        change({at, range.end}, nullptr);
        at = range.end;
        put({std::max(e.range.begin, range.end), e.range.end}, e.value);
      }
    }
    change({at, range.end}, nullptr);
    for (const Entry& e : fresh) {
      map_.emplace(e.range.begin.value, std::pair(e.range.end, e.value));
      touched_.try_emplace(e.range.begin.value, Touch{std::nullopt, clock_ms});
    }
  }

  /// Calls f(piece, value) for the parts inside `range`, ascending.
  template <class F>
  void each_within(OffsetRange range, F f) const {
    if (range.empty()) return;
    for (auto it = first_ending_after(range.begin); it != map_.end() && it->first < range.end.value; ++it) {
      f(OffsetRange{std::max(Offset(it->first), range.begin), std::min(it->second.first, range.end)},
        it->second.second);
    }
  }

  bool intersects(OffsetRange range) const {
    auto it = first_ending_after(range.begin);
    return !range.empty() && it != map_.end() && it->first < range.end.value;
  }

  std::vector<Entry> entries() const {
    std::vector<Entry> out;
    for (const auto& [begin, rest] : map_) out.push_back({{Offset(begin), rest.first}, rest.second});
    return out;
  }

  size_t size() const { return map_.size(); }
  bool changed() const { return !touched_.empty(); }

  /// Calls f(first, written, now) for each range that differs from what was written; `now` is null when it is
  /// gone. A range that was never written and came less than `defer_ms` before `clock_ms` waits when
  /// `defer(value)` says so.
  template <class F, class Defer>
  void flush(int64_t clock_ms, int64_t defer_ms, F f, Defer defer) {
    for (auto it = touched_.begin(); it != touched_.end();) {
      const Touch& touch = it->second;
      auto now = map_.find(it->first);
      bool here = now != map_.end();
      if (here && !touch.written && clock_ms - touch.since_ms < defer_ms && defer(now->second.second)) {
        ++it;
        continue;
      }
      bool same = here && touch.written && *touch.written == now->second;
      if (!same && (here || touch.written))
        f(Offset(it->first), touch.written, here ? &now->second : nullptr);
      it = touched_.erase(it);
    }
  }

  /// For the state codec: ranges that are not written yet, by their first offset. REQUIRES: flush() came just
  /// before.
  std::vector<std::pair<int64_t, int64_t>> unwritten() const {
    std::vector<std::pair<int64_t, int64_t>> out;
    for (const auto& [first, touch] : touched_) out.emplace_back(first, touch.since_ms);
    return out;
  }
  /// For the state codec: a range as entries() gave it, taken as written.
  void load(OffsetRange range, const V& value) {
    map_.emplace(range.begin.value, std::pair(range.end, value));
  }
  void load_unwritten(int64_t first, int64_t since_ms) {
    touched_.emplace(first, Touch{std::nullopt, since_ms});
  }

  /// Forgets the lowest ranges beyond `keep` of which `final` says so, looking at `scan_max` of them; their
  /// rows stay as written. REQUIRES: flush() came just before.
  template <class F>
  size_t forget_final(size_t keep, size_t scan_max, F final) {
    size_t n = 0;
    for (auto it = map_.begin(); it != map_.end() && map_.size() > keep && scan_max > 0; --scan_max) {
      bool forget = !touched_.contains(it->first) && final(it->second.second);
      it = forget ? map_.erase(it) : std::next(it);
      n += forget;
    }
    return n;
  }

  /// Forgets the lowest ranges beyond `keep`; their rows stay as written. REQUIRES: flush() came just before.
  size_t forget_beyond(size_t keep) {
    size_t n = 0;
    while (map_.size() > keep && !touched_.contains(map_.begin()->first)) {
      map_.erase(map_.begin());
      ++n;
    }
    return n;
  }

 private:
  using Map = std::map<int64_t, std::pair<Offset, V>>;
  struct Touch {
    Written written;
    int64_t since_ms;
  };

  typename Map::const_iterator first_ending_after(Offset at) const {
    auto it = map_.upper_bound(at.value);
    if (it != map_.begin() && std::prev(it)->second.first > at) --it;
    return it;
  }

  /// Removes and returns the ranges that meet or touch `range`, noting what was written for them.
  std::vector<Entry> take(OffsetRange range) {
    std::vector<Entry> out;
    auto it = map_.upper_bound(range.begin.value);
    while (it != map_.begin() && std::prev(it)->second.first >= range.begin)
      --it;  // at most two: they are disjoint
    while (it != map_.end() && it->first <= range.end.value) {
      out.push_back({{Offset(it->first), it->second.first}, it->second.second});
      touched_.try_emplace(it->first, Touch{it->second, 0});
      it = map_.erase(it);
    }
    return out;
  }

  Map map_;                           ///< begin -> (end, value)
  std::map<int64_t, Touch> touched_;  ///< by first offset, since the last flush
};

}  // namespace waybill::audit
