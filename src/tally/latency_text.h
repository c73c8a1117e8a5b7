#pragma once
// Latency sketches as the text that a column of a store holds: base64 of LatencySketch::encode().

#include <string>
#include <string_view>

#include "base/result.h"
#include "tally/latency_sketch.h"

namespace waybill::tally {

/// Empty for an empty sketch.
std::string latency_text(const LatencySketch& sketch);
/// kCorrupt or kTruncated for what latency_text() does not write.
Result<LatencySketch> parse_latency_text(std::string_view text);
/// The text of both sketches together, for a column of Merge::kSketch. An empty text is an empty sketch; of
/// two texts the one that reads back stays when the other does not.
std::string merge_latency_texts(std::string_view a, std::string_view b);

}  // namespace waybill::tally
