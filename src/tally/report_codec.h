#pragma once
// Report <-> bytes: protobuf wire format by protozero; proto/waybill/v1/report.proto is the specification.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tally/report.h"

namespace waybill::tally {

/// decode_report gives up with kLimit before a Report would take more memory than this.
inline constexpr size_t kReportMemoryMax = 64 * 1024 * 1024;

/// The bytes of `report`. Deterministic: equal reports give equal bytes. Strings that are not UTF-8 are
/// written with U+FFFD in place of the bad bytes, because every protobuf reader demands UTF-8. REQUIRES:
/// check_report(report) has no error, else the bytes may not decode. Cost: linear; one allocation that grows.
std::string encode_report(const Report& report);

/// Any bytes give a Report or an error; never crashes. Memory: at most kReportMemoryMax, and at most about
/// 300 times the input (many entries that share one long topic name); real reports take 5 to 10 times.
/// Unknown fields are skipped, so that later additions to version 1 stay readable. Never the reason for an
/// error: the order of fields, packed or single repeated values, defaults that were written out. Errors:
/// kUnsupported (version above kReportVersion, a tier or bucket kind that this build does not know: the
/// message names it), kTruncated, kCorrupt (not protobuf, or a fault that check_report names), kLimit (input
/// above 2 * kReportBytesMax, or kReportMemoryMax).
Result<Report> decode_report(std::string_view bytes);

/// What decode_report demands of a Report; a reporter may ask the same before it encodes. kCorrupt, with the
/// place: no reporter id (all zeros), number 0, bucket_ms < 1, audit_partitions < 0, two clients with one
/// ref, a reference to a client that the report does not carry, a topic that is empty or longer than
/// kTopicBytesMax, a bucket start that is no multiple of bucket_ms or is not 0 outside kNormal, a minute that
/// is no multiple of 60,000, a negative partition, a position below -1, ranges that are empty, negative,
/// unsorted or overlap (`seen`: or touch), `again` outside `seen`, 0 times, 0 failed sends of a code.
/// kUnsupported: version above kReportVersion.
Result<void> check_report(const Report& report);

/// Splits a report into parts whose bytes stay within `bytes_max`; one part (the report itself) when it fits.
/// The parts add up to the report: each entry, rate, position and covered offset is in exactly one of them.
/// Coverage comes first and positions last, so that no part says where a consumer stands before all that it
/// read is told. Each part carries the clients that it refers to; a client that nothing refers to is in one
/// part. `number` is left for the caller: every part has the report's. `closed` is set in the last part only,
/// and complete_up_to_ms is from_ms in all others. `dropped` is in the first part only. REQUIRES: bytes_max
/// >= 64 KiB. A part exceeds it only when a single entry does by its names.
std::vector<Report> split_report(Report&& report, size_t bytes_max = kReportBytesMax);

/// One JSON object on one line: every field by its proto name, ids in hex, ranges as [first, last] inclusive,
/// positions -1 for none, latency cells as [low_ms, high_ms, count]. Bytes that are not UTF-8 become \ufffd.
/// For people.
std::string report_to_json(const Report& report);

}  // namespace waybill::tally
