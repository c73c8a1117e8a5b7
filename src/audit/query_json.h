#pragma once
// How the API and what is kept for it write JSON. For .cc files only.

#include <nlohmann/json.hpp>
#include <string>

namespace waybill::audit {

/// Members stay in the order in which they are written.
using Json = nlohmann::ordered_json;

/// Names come from outside: bytes that are not UTF-8 become U+FFFD.
inline std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace waybill::audit
