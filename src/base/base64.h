#pragma once
// RFC 4648 base64 with padding, for state and sketches in text columns.

#include <string>
#include <string_view>

#include "base/result.h"

namespace waybill {

std::string base64_encode(std::string_view bytes);
/// kCorrupt for anything but canonical base64.
Result<std::string> base64_decode(std::string_view text);

}  // namespace waybill
