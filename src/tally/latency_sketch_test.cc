#include "tally/latency_sketch.h"

#include <gtest/gtest.h>

namespace waybill::tally {
namespace {

TEST(LatencySketch, IsExactBelow64Milliseconds) {
  LatencySketch sketch;
  for (int64_t ms = 1; ms <= 60; ++ms) sketch.add(ms);
  EXPECT_EQ(sketch.count(), 60u);
  EXPECT_EQ(sketch.sum(), 1830);
  EXPECT_EQ(sketch.quantile(0.5), 30);
  EXPECT_EQ(sketch.quantile(0.95), 57);
  EXPECT_EQ(sketch.quantile(0), 1);
  EXPECT_EQ(sketch.quantile(1), 60);
  EXPECT_DOUBLE_EQ(sketch.mean(), 30.5);
}

TEST(LatencySketch, CellsFollowTheFormat) {
  struct Case {
    int64_t ms;
    uint32_t index;
    int64_t low_ms;
    int64_t width_ms;
  };
  const Case cases[] = {{0, 0, 0, 1},
                        {63, 63, 63, 1},
                        {64, 64, 64, 2},
                        {65, 64, 64, 2},
                        {127, 95, 126, 2},
                        {128, 96, 128, 4},
                        {1000, 190, 992, 16},
                        {1023, 191, 1008, 16},
                        {LatencySketch::kMaxMs, 1152, LatencySketch::kMaxMs, LatencySketch::kMaxMs / 32}};
  for (const Case& c : cases) {
    LatencySketch sketch;
    sketch.add(c.ms);
    const auto cells = sketch.cells();
    ASSERT_EQ(cells.size(), 1u);
    EXPECT_EQ(cells[0].index, c.index) << c.ms;
    EXPECT_EQ(cells[0].low_ms(), c.low_ms) << c.ms;
    EXPECT_EQ(cells[0].width_ms(), c.width_ms) << c.ms;
  }
}

TEST(LatencySketch, CountsNegativeValuesApart) {
  LatencySketch sketch;
  sketch.add(-1);
  sketch.add(-500, 4);
  EXPECT_EQ(sketch.negative(), 5u);
  EXPECT_EQ(sketch.count(), 0u);
  EXPECT_EQ(sketch.quantile(0.5), 0);
  EXPECT_EQ(sketch.min(), 0);
  EXPECT_FALSE(sketch.empty());
  sketch.add(7);
  EXPECT_EQ(sketch.min(), 7);
  EXPECT_EQ(sketch.sum(), 7);
}

TEST(LatencySketch, StopsAtTheTopInsteadOfWrapping) {
  LatencySketch sketch;
  sketch.add(INT64_MAX, UINT64_MAX);
  sketch.add(INT64_MAX, UINT64_MAX);
  EXPECT_EQ(sketch.count(), UINT64_MAX);
  EXPECT_EQ(sketch.sum(), INT64_MAX);
  EXPECT_EQ(sketch.max(), LatencySketch::kMaxMs);
  EXPECT_EQ(sketch.quantile(0.5), LatencySketch::kMaxMs);
  const auto back = LatencySketch::decode(sketch.encode());
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, sketch);
}

TEST(LatencySketch, MergesDecodedAndAddedSketchesAlike) {
  LatencySketch low;
  low.add(3, 10);
  LatencySketch high;
  high.add(100'000, 2);
  LatencySketch both;
  both.add(3, 10);
  both.add(100'000, 2);
  LatencySketch low_sparse = *LatencySketch::decode(low.encode());
  LatencySketch high_sparse = *LatencySketch::decode(high.encode());
  for (const LatencySketch* a : {&low, &low_sparse}) {
    for (const LatencySketch* b : {&high, &high_sparse}) {
      LatencySketch merged = *a;
      merged.merge(*b);
      EXPECT_EQ(merged, both);
      LatencySketch reverse;
      reverse.merge(*b);
      reverse.merge(*a);
      EXPECT_EQ(reverse, both);
    }
  }
  LatencySketch twice = low_sparse;
  twice.merge(twice);
  EXPECT_EQ(twice.count(), 20u);
  LatencySketch reused = both;
  reused.clear();
  EXPECT_EQ(reused, LatencySketch());
  reused.add(5);
  EXPECT_EQ(reused.cells(), (std::vector<LatencySketch::Cell>{{5, 1}}));
}

TEST(LatencySketch, HasTheBytesOfTheFormat) {
  LatencySketch sketch;
  EXPECT_EQ(sketch.encode(), "");
  sketch.add(-1);
  sketch.add(2);
  sketch.add(65, 3);
  // count 4, negative 1, sum 197, min 2, max 65, cells (2, 1), (64 - 3, 3)
  EXPECT_EQ(sketch.encode(),
            std::string("\x08\x04\x10\x01\x18\xc5\x01\x20\x02\x28\x41\x32\x04\x02\x01\x3d\x03"));
}

TEST(LatencySketch, RejectsBytesThatContradictThemselves) {
  const std::string nul(1, '\0');
  struct Case {
    const char* why;
    std::string bytes;
    Errc code;
  };
  const Case cases[] = {
      {"cut short", "\x08", Errc::kTruncated},
      {"not protobuf", "\x07", Errc::kCorrupt},
      {"count without cells", "\x08\x01", Errc::kCorrupt},
      {"cells that add up to another count", "\x08\x02\x32\x02\x05\x01\x18\x05\x20\x05\x28\x05",
       Errc::kCorrupt},
      {"min outside its cell", "\x08\x01\x18\x05\x20\x04\x28\x05\x32\x02\x05\x01", Errc::kCorrupt},
      {"max outside its cell", "\x08\x01\x18\x05\x20\x05\x28\x06\x32\x02\x05\x01", Errc::kCorrupt},
      {"sum below count * min", "\x08\x01\x18\x04\x20\x05\x28\x05\x32\x02\x05\x01", Errc::kCorrupt},
      {"sum above count * max", "\x08\x01\x18\x06\x20\x05\x28\x05\x32\x02\x05\x01", Errc::kCorrupt},
      {"an empty cell", "\x32\x02\x05" + nul, Errc::kCorrupt},
      {"a cell without a count", "\x32\x01\x05", Errc::kCorrupt},
      {"a cell above the last", "\x08\x01\x32\x03\x81\x09\x01", Errc::kCorrupt},
      {"more cells than there are", "\x32\xa0\x1f" + std::string(4000, '\x01'), Errc::kLimit},
  };
  for (const Case& c : cases) {
    const auto back = LatencySketch::decode(c.bytes);
    ASSERT_FALSE(back.has_value()) << c.why;
    EXPECT_EQ(back.error().code, c.code) << c.why << ": " << back.error().message;
  }
  const auto good = LatencySketch::decode("\x08\x01\x18\x05\x20\x05\x28\x05\x32\x02\x05\x01\x7a\x01\x41");
  ASSERT_TRUE(good.has_value()) << "an unknown field is skipped: " << good.error().message;
  EXPECT_EQ(good->quantile(0.5), 5);
}

}  // namespace
}  // namespace waybill::tally
