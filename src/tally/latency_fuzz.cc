// Any bytes give a sketch or an error; what decodes comes back equal and keeps its promises about quantiles
// and merging.

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "tally/coverage.h"
#include "tally/latency_sketch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace waybill::tally;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto runs = read_runs(bytes)) {
    std::string out;
    append_runs(*runs, out);
    const auto again = read_runs(out);
    ASSERT(again.has_value() && *again == *runs);
  }
  const auto sketch = LatencySketch::decode(bytes);
  if (!sketch) return 0;
  const auto again = LatencySketch::decode(sketch->encode());
  ASSERT(again.has_value() && *again == *sketch);
  LatencySketch merged;
  merged.merge(*sketch);
  merged.add(1);
  LatencySketch other;
  other.add(1);
  other.merge(*sketch);
  ASSERT(merged == other);
  int64_t previous = sketch->min();
  for (int percent = 0; percent <= 100; ++percent) {
    const int64_t value = sketch->quantile(percent / 100.0);
    ASSERT(value >= previous && value <= sketch->max());
    previous = value;
  }
  return 0;
}
