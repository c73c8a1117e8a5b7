#include "tally/latency_text.h"

#include "base/base64.h"

namespace waybill::tally {

std::string latency_text(const LatencySketch& sketch) { return base64_encode(sketch.encode()); }

Result<LatencySketch> parse_latency_text(std::string_view text) {
  return base64_decode(text).and_then([](const std::string& bytes) { return LatencySketch::decode(bytes); });
}

std::string merge_latency_texts(std::string_view a, std::string_view b) {
  if (a.empty()) return std::string(b);
  if (b.empty()) return std::string(a);
  auto left = parse_latency_text(a);
  auto right = parse_latency_text(b);
  if (!left) return std::string(b);
  if (!right) return std::string(a);
  left->merge(*right);
  return latency_text(*left);
}

}  // namespace waybill::tally
