#include "audit/finding_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace waybill::audit {
namespace {

using Map = FindingMap<int>;

OffsetRange range(int64_t begin, int64_t end) { return {Offset(begin), Offset(end)}; }

void set(Map& map, int64_t begin, int64_t end, std::optional<int> value, int64_t clock_ms = 0) {
  map.update(range(begin, end), clock_ms, [&](OffsetRange, const int*) { return value; });
}

std::string text(const Map& map) {
  std::string out;
  for (const auto& e : map.entries()) {
    out += std::to_string(e.range.begin.value) + "-" + std::to_string(e.range.end.value - 1) + "=" +
           std::to_string(e.value) + " ";
  }
  return out;
}

/// Flushes into rows by first offset.
void flush(Map& map, std::map<int64_t, std::pair<int64_t, int>>& rows, int64_t clock_ms = 0,
           int64_t defer_ms = 0) {
  map.flush(
      clock_ms, defer_ms,
      [&](Offset first, const Map::Written& written, const std::pair<Offset, int>* now) {
        auto row = rows.find(first.value);
        EXPECT_EQ(written.has_value(), row != rows.end()) << "what was written is known";
        if (written) EXPECT_EQ(row->second, std::pair(written->first.value, written->second));
        if (now) {
          rows[first.value] = {now->first.value, now->second};
        } else {
          rows.erase(first.value);
        }
      },
      [](int value) { return value == 7; });
}

TEST(FindingMapTest, JoinsEqualNeighboursAndCutsWhatChanges) {
  Map map;
  set(map, 0, 10, 1);
  set(map, 10, 20, 1);
  EXPECT_EQ(text(map), "0-19=1 ");
  set(map, 5, 8, 2);
  EXPECT_EQ(text(map), "0-4=1 5-7=2 8-19=1 ");
  set(map, 5, 8, 1);
  EXPECT_EQ(text(map), "0-19=1 ");
  set(map, 3, 30, std::nullopt);
  EXPECT_EQ(text(map), "0-2=1 ");
}

TEST(FindingMapTest, ShowsEachPieceOfOneValueOnce) {
  Map map;
  set(map, 2, 4, 1);
  set(map, 6, 8, 2);
  std::string seen;
  map.update(range(0, 10), 0, [&](OffsetRange r, const int* v) -> std::optional<int> {
    seen += std::to_string(r.begin.value) + "-" + std::to_string(r.end.value - 1) + "=" +
            (v ? std::to_string(*v) : "?") + " ";
    return v ? std::optional(*v) : std::nullopt;
  });
  EXPECT_EQ(seen, "0-1=? 2-3=1 4-5=? 6-7=2 8-9=? ");
}

TEST(FindingMapTest, AFlushCostsWhatChangedAndAYoungRangeWaits) {
  Map map;
  std::map<int64_t, std::pair<int64_t, int>> rows;
  set(map, 0, 10, 1);
  set(map, 20, 30, 7, 1000);
  flush(map, rows, 1500, 1000);
  EXPECT_EQ(rows.size(), 1u) << "a new 7 waits for a second";
  EXPECT_EQ(map.unwritten().size(), 1u);
  flush(map, rows, 2000, 1000);
  EXPECT_EQ(rows.size(), 2u);
  EXPECT_FALSE(map.changed());
}

TEST(FindingMapTest, AgreesWithAPlainMapAndItsRowsWithItself) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    Map map;
    std::map<int64_t, int> plain;
    std::map<int64_t, std::pair<int64_t, int>> rows;
    for (int64_t i = 0; i < 60; ++i) {
      auto begin = static_cast<int64_t>(random() % 60);
      int64_t end = begin + 1 + static_cast<int64_t>(random() % 12);
      auto add = static_cast<int>(random() % 4);
      map.update(range(begin, end), i, [&](OffsetRange r, const int* v) -> std::optional<int> {
        for (int64_t o = r.begin.value; o < r.end.value; ++o) EXPECT_EQ(plain.contains(o), v != nullptr);
        return add == 0 ? std::nullopt : std::optional((v ? *v : 0) + add);
      });
      for (int64_t o = begin; o < end; ++o) {
        if (add == 0) {
          plain.erase(o);
        } else {
          plain[o] += add;
        }
      }
      if (random() % 3 == 0) flush(map, rows, i, 5);
    }
    flush(map, rows, 1000, 5);
    std::map<int64_t, int> from_map, from_rows;
    for (const auto& e : map.entries()) {
      for (int64_t o = e.range.begin.value; o < e.range.end.value; ++o) from_map[o] = e.value;
    }
    for (const auto& [first, row] : rows) {
      for (int64_t o = first; o < row.first; ++o) EXPECT_TRUE(from_rows.emplace(o, row.second).second);
    }
    EXPECT_EQ(from_map, plain);
    EXPECT_EQ(from_rows, plain);
  }
}

}  // namespace
}  // namespace waybill::audit
