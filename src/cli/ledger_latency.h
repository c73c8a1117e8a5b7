#pragma once
// Latencies as JSON, the same on the command line and in the API. For .cc files that see nlohmann's JSON.

#include <nlohmann/json.hpp>

#include "tally/latency_sketch.h"

namespace waybill::cli {

/// {"mean","p50","p95","p99","max"} in ms, nulls when nothing was consumed; "negative" counts those of clocks
/// that disagree, which are in no other figure, and is absent when there are none.
inline nlohmann::ordered_json latency_json(const tally::LatencySketch& latency) {
  using Json = nlohmann::ordered_json;
  Json out;
  const bool any = latency.count() != 0;
  out["mean"] = any ? Json(latency.mean()) : Json();
  out["p50"] = any ? Json(latency.quantile(0.5)) : Json();
  out["p95"] = any ? Json(latency.quantile(0.95)) : Json();
  out["p99"] = any ? Json(latency.quantile(0.99)) : Json();
  out["max"] = any ? Json(latency.max()) : Json();
  if (latency.negative() != 0) out["negative"] = latency.negative();
  return out;
}

}  // namespace waybill::cli
