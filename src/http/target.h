#pragma once
// The request target (RFC 9112 section 3.2.1, origin form): path and query, percent-decoded. Pure.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace waybill::http {

/// More parameters than this in one query are refused.
inline constexpr size_t kQueryParamsMax = 100;

struct Target {
  std::string path;  ///< decoded, begins with '/'
  std::vector<std::string>
      segments;  ///< decoded one by one, so %2F stays inside its segment; "/" has one, empty
  std::multimap<std::string, std::string>
      query;  ///< decoded; '+' is a blank; a name without '=' has the empty value
};

/// kInvalid: not origin form, a bad or cut percent sequence, a NUL byte, a byte outside printable ASCII.
/// kLimit: too many parameters.
Result<Target> parse_target(std::string_view target);

}  // namespace waybill::http
