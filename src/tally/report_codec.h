#pragma once
// Report <-> bytes: protobuf wire format by protozero; proto/waybill/v1/report.proto is the specification.

#include <string>
#include <string_view>

#include "base/result.h"
#include "tally/report.h"

namespace waybill::tally {

/// The bytes of `report`. Deterministic: equal reports give equal bytes. Cost: linear; one allocation that grows.
std::string encode_report(const Report& report);

/// Any bytes give a Report or an error; never crashes, never allocates more than about 20 times the input.
/// Errors: kUnsupported (version above kReportVersion: the message names it), kTruncated, kCorrupt (not protobuf, unsorted or
/// empty ranges, negative offsets, a reference to a client that the report does not carry, no reporter id, number 0), kLimit
/// (input above 2 * kReportBytesMax).
Result<Report> decode_report(std::string_view bytes);

/// One JSON object on one line: every field by its proto name, ids in hex, ranges as [first, last] inclusive. For people.
std::string report_to_json(const Report& report);

}  // namespace waybill::tally
