#pragma once
// Parameters of the audit API: what is missing has a default, what is wrong is named together with what is
// allowed.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "audit/query.h"

namespace waybill::audit {

/// Times in [from_ms, to_ms), epoch ms.
struct TimeRange {
  int64_t from_ms = 0;
  int64_t to_ms = 0;
};

/// Parameters `from` and `to`. kInvalid when one is no time or `from` lies behind `to`.
Result<TimeRange> time_range(const Params& params, Now now, TimeRange missing);

/// An integer parameter in [1, most].
Result<int64_t> positive_number(const Params& params, std::string_view name, int64_t missing, int64_t most);

/// A parameter that is one of `allowed`, or `missing`.
Result<std::string> one_of(const Params& params, std::string_view name,
                           std::span<const std::string_view> allowed, std::string_view missing);

}  // namespace waybill::audit
