#pragma once
// Bodies of the operators' requests and answers. For the .cc files of operator_api only.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "audit/decisions.h"
#include "audit/query_json.h"
#include "base/result.h"
#include "source/redelivery.h"

namespace waybill::cli {

using audit::Json;
using audit::text_of;

/// The members of a request's object by name; numbers, booleans and texts become text, null is absent. A
/// member that is not in `allowed`, or is an object or array, is kInvalid.
Result<std::map<std::string, std::string>> body_members(const std::string& body,
                                                        const std::vector<std::string_view>& allowed);

/// [{partition, first_offset, last_offset}]
Json ranges_json(const std::vector<tally::DecidedPartition>& partitions);
/// A message as it stands in the log: text where it is UTF-8, else base64 in `<name>_base64`.
Json message_json(int32_t partition, const source::WholeMessage& message);

}  // namespace waybill::cli
