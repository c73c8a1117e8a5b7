#pragma once
// A report may be well-formed and still absurd. Pure.

#include "tally/report.h"

namespace waybill::audit {

/// Whether the numbers in a report can be added without overflow: times within [0, 2^53] ms, offsets below
/// 2^56, counts and offsets times repeats below 2^53, partitions not negative. Anything else was not written
/// by a reporter.
bool plausible(const tally::Report& report);

}  // namespace waybill::audit
