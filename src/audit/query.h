#pragma once
// The audit part of the HTTP API as functions from parameters to JSON: they read the store only, never a Task.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "flow/store.h"

namespace waybill::audit {

/// A query parameter by name, decoded; nullopt when absent.
using Params = std::function<std::optional<std::string>(std::string_view name)>;

/// Each returns the JSON body that http/openapi.yaml describes. Errors: kInvalid (a parameter: which, what is allowed) -> 400,
/// kNotFound (no such topic) -> 404, kConflict (name in several clusters: lists them) -> 409, kUnavailable -> 503.
Result<std::string> topics_json(flow::Store& store, const Params& params, Now now);
Result<std::string> buckets_json(flow::Store& store, std::string_view topic, const Params& params, Now now);
Result<std::string> rates_json(flow::Store& store, std::string_view topic, const Params& params, Now now);
Result<std::string> findings_json(flow::Store& store, std::string_view topic, const Params& params, Now now);
Result<std::string> partitions_json(flow::Store& store, std::string_view topic, const Params& params, Now now);
Result<std::string> reporters_json(flow::Store& store, const Params& params, Now now);

/// Parses a time parameter: "-2h" (also s, m, d), RFC 3339, or epoch ms.
Result<int64_t> parse_time(std::string_view text, Now now);

}  // namespace waybill::audit
