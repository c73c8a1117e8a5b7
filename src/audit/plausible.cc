#include "audit/plausible.h"

#include <algorithm>

namespace waybill::audit {
namespace {

constexpr int64_t kTimeMax = 1LL << 53;
constexpr int64_t kOffsetMax = 1LL << 56;
constexpr uint64_t kCountMax = 1ULL << 53;

bool time_ok(int64_t ms) { return ms >= 0 && ms <= kTimeMax; }
bool position_ok(Offset o) { return o.value >= -1 && o.value <= kOffsetMax; }
bool range_ok(OffsetRange r) { return r.begin.value >= 0 && r.begin < r.end && r.end.value <= kOffsetMax; }
bool label_ok(const tally::BucketLabel& l) { return l.start.value >= -kTimeMax && l.start.value <= kTimeMax; }

bool bucket_ok(const tally::Bucket& b) {
  bool ok = label_ok(b.label);
  for (uint64_t n : {b.count, b.bytes, b.unknown, b.offset_unknown}) ok = ok && n <= kCountMax;
  for (const auto& [code, n] : b.failed) ok = ok && n <= kCountMax;
  return ok;
}

bool chunk_ok(const tally::CoverageChunk& c) {
  bool ok = c.partition.value >= 0 && !c.seen.empty() && label_ok(c.label) &&
            std::all_of(c.seen.begin(), c.seen.end(), range_ok);
  for (const tally::Repeat& r : c.again) {
    ok = ok && range_ok(r.range) && r.times > 0 &&
         r.times <= kCountMax / static_cast<uint64_t>(r.range.size());
  }
  return ok;
}

}  // namespace

bool plausible(const tally::Report& report) {
  bool ok = time_ok(report.from_ms) && time_ok(report.complete_up_to_ms);
  for (const tally::Entry& e : report.entries) ok = ok && bucket_ok(e.bucket);
  for (const tally::CoverageChunk& c : report.coverage) ok = ok && chunk_ok(c);
  for (const tally::Position& p : report.positions) {
    ok = ok && p.partition.value >= 0;
    for (Offset o : {p.session_first, p.next, p.high, p.committed}) ok = ok && position_ok(o);
  }
  for (const tally::Rate& r : report.rates)
    ok = ok && time_ok(r.minute_ms) && r.count <= kCountMax && r.bytes <= kCountMax;
  return ok && report.dropped.messages <= kCountMax && report.dropped.coverage <= kCountMax;
}

}  // namespace waybill::audit
