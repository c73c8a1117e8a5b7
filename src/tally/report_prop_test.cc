// Arbitrary valid reports: through the bytes and back, and split into parts that add up.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "tally/coverage.h"
#include "tally/report_codec.h"

namespace waybill::tally {
namespace {

template <class Int = int64_t>
Int pick(Int low, Int high) {
  return *rc::gen::inRange<Int>(low, high);
}

std::string any_name() {
  return *rc::gen::element<std::string>("", "g", "orders", "a\"b", "\xe2\x82\xac", std::string(60, 'n'));
}
std::string any_topic() {
  return *rc::gen::element<std::string>("orders", "payments", "t", std::string(249, 't'));
}
Tier any_tier() { return {static_cast<TierKind>(pick(1, 6)), any_name()}; }
uint64_t any_count() { return *rc::gen::element<uint64_t>(0, 1, 127, 128, 5'000'000'000, UINT64_MAX); }
int64_t any_time() { return *rc::gen::element<int64_t>(0, -1, 1'700'000'000'123, INT64_MAX, INT64_MIN); }

BucketLabel any_label() {
  const auto kind = static_cast<BucketKind>(pick(0, 3));
  return {kind, BucketStart(kind == BucketKind::kNormal ? 60'000 * pick<int64_t>(-3, 30'000'000) : 0)};
}

Entry any_entry(uint32_t client) {
  Entry entry{client, any_tier(), any_topic(), {}};
  Bucket& bucket = entry.bucket;
  bucket.label = any_label();
  bucket.time_types = static_cast<uint8_t>(pick(0, 4));
  bucket.count = any_count();
  bucket.bytes = any_count();
  bucket.unknown = any_count();
  bucket.offset_unknown = any_count();
  for (int i = pick(0, 3); i > 0; --i)
    bucket.failed[*rc::gen::element<int32_t>(0, -1, 7, INT32_MIN, INT32_MAX)] = 1 + pick(0, 9);
  for (int i = pick(0, 6); i > 0; --i) bucket.latency.add(pick<int64_t>(-10, 10'000'000), 1 + pick(0, 3));
  return entry;
}

CoverageChunk any_chunk(uint32_t client, int runs_max) {
  CoverageChunk chunk;
  chunk.client = client;
  chunk.tier = any_tier();
  chunk.topic = any_topic();
  chunk.partition = PartitionId(*rc::gen::element<int32_t>(0, 1, 200, INT32_MAX));
  chunk.label = any_label();
  chunk.session = static_cast<uint32_t>(pick(0, 3));
  int64_t at = *rc::gen::element<int64_t>(0, 3, 1'000'000'000'000, INT64_MAX - 1'000'000'000'000);
  for (int i = pick(0, runs_max); i > 0; --i) {
    const int64_t length = pick<int64_t>(1, 100);
    chunk.seen.push_back({Offset(at), Offset(at + length)});
    if (i % 3 == 0 && length >= 10) {
      chunk.again.push_back({{Offset(at), Offset(at + 4)}, 1});
      chunk.again.push_back({{Offset(at + 4), Offset(at + 5)}, any_count() | 1});
      chunk.reordered.push_back({Offset(at + 2), Offset(at + 9)});
    }
    at += length + pick<int64_t>(1, 1000);
  }
  return chunk;
}

Position any_position(uint32_t client) {
  const auto offset = [] { return Offset(*rc::gen::element<int64_t>(-1, 0, 5'000'000'000, INT64_MAX)); };
  return {client,
          any_topic(),
          PartitionId(pick(0, 5)),
          static_cast<uint32_t>(pick(0, 9)),
          offset(),
          offset(),
          offset(),
          offset(),
          any_time()};
}

/// `scale` items of each kind on average.
Report any_report(int scale, int runs_max) {
  Report report;
  report.reporter.bytes[15] = static_cast<uint8_t>(pick(1, 256));
  report.number = ReportNumber(any_count() | 1);
  report.audit_partitions = *rc::gen::element<int32_t>(0, 16, INT32_MAX);
  report.from_ms = any_time();
  report.complete_up_to_ms = any_time();
  report.closed = pick(0, 2) == 1;
  for (std::string* text :
       {&report.cluster_id, &report.data_center, &report.host, &report.ip, &report.service})
    *text = any_name();
  report.pid = any_count();
  const auto clients = static_cast<uint32_t>(pick(1, 5));
  for (uint32_t i = 0; i < clients; ++i) {
    report.clients.push_back({i * 1000, any_name(), static_cast<TierKind>(pick(1, 6)), any_name(), any_name(),
                              static_cast<uint32_t>(pick(0, 64)), any_name()});
  }
  const auto client = [&] { return static_cast<uint32_t>(pick(0, static_cast<int>(clients))) * 1000; };
  for (int i = pick(0, 2 * scale); i > 0; --i) report.entries.push_back(any_entry(client()));
  for (int i = pick(0, 2 * scale); i > 0; --i) report.coverage.push_back(any_chunk(client(), runs_max));
  for (int i = pick(0, 2 * scale); i > 0; --i) report.positions.push_back(any_position(client()));
  for (int i = pick(0, 2 * scale); i > 0; --i) {
    report.rates.push_back(
        {client(), any_tier(), any_topic(), 60'000 * pick<int64_t>(-2, 1000), any_count(), any_count()});
  }
  report.dropped = {any_count(), any_count(), any_count()};
  return report;
}

RC_GTEST_PROP(ReportProperty, ComesBackFromItsBytes, ()) {
  const Report report = any_report(3, 6);
  const std::string bytes = encode_report(report);
  const auto back = decode_report(bytes);
  if (!back) RC_FAIL(back.error().message);
  RC_ASSERT(*back == report);
  RC_ASSERT(encode_report(*back) == bytes);
}

RC_GTEST_PROP(ReportProperty, AnyBytesAreAReportOrAnError, ()) {
  std::string bytes = encode_report(any_report(2, 3));
  for (int i = pick(1, 4); i > 0; --i) {
    bytes[static_cast<size_t>(pick<int64_t>(0, static_cast<int64_t>(bytes.size())))] =
        static_cast<char>(pick(0, 256));
  }
  const auto back = decode_report(bytes);
  if (back) RC_ASSERT(*decode_report(encode_report(*back)) == *back);
}

/// Everything that identifies a chunk but its offsets.
using ChunkKey = std::tuple<uint32_t, TierKind, std::string, std::string, int32_t, BucketLabel, uint32_t>;
ChunkKey key_of(const CoverageChunk& c) {
  return {c.client, c.tier.kind, c.tier.name, c.topic, c.partition.value, c.label, c.session};
}

/// Offsets that appear in two chunks of one key would hide a part that is told twice: a plain sum finds it.
struct Told {
  Coverage seen;
  Coverage reordered;
  int64_t seen_sum = 0;
  std::map<int64_t, std::pair<int64_t, uint64_t>> again;  ///< begin -> end, times, neighbours joined
  bool operator==(const Told&) const = default;
};

void tell(const CoverageChunk& chunk, std::map<ChunkKey, Told>& told) {
  Told& t = told[key_of(chunk)];
  for (const OffsetRange& run : chunk.seen) {
    t.seen.insert(run);
    t.seen_sum += run.size();
  }
  for (const OffsetRange& range : chunk.reordered) t.reordered.insert(range);
  for (const Repeat& repeat : chunk.again) {
    for (int64_t i = repeat.range.begin.value; i < repeat.range.end.value; ++i) {
      auto& [end, times] = t.again[i];
      end = i + 1;
      times += repeat.times;
    }
  }
}

template <class Item>
void append_all(const std::vector<Item>& from, std::vector<Item>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

/// A report of several hundred KiB: `any_report` repeated, with chunks that are too long for one part.
Report long_report() {
  Report report = any_report(3, 6);
  const Report more = report;
  for (int i = 0; i < 100; ++i) {
    append_all(more.entries, report.entries);
    append_all(more.positions, report.positions);
    append_all(more.rates, report.rates);
  }
  CoverageChunk chunk = any_chunk(report.clients.front().ref, 10);
  chunk.seen.clear();
  chunk.again.clear();
  chunk.reordered.clear();
  const int runs = pick(0, 12'000);
  for (int64_t i = 0; i < runs; ++i) {
    chunk.seen.push_back({Offset(10 * i), Offset(10 * i + 8)});
    if (i % 16 == 0) chunk.again.push_back({{Offset(10 * i + 1), Offset(10 * i + 3)}, 2});
    if (i % 8 == 0) chunk.reordered.push_back({Offset(10 * i + 1), Offset(10 * i + 2)});
  }
  report.coverage.push_back(chunk);
  chunk.partition = PartitionId(77);
  chunk.seen = {{Offset(0), Offset(1'000'000)}};  // one run, repeated in 8,000 places
  chunk.again.clear();
  chunk.reordered.clear();
  for (int64_t i = 0; i < 8'000; ++i)
    chunk.again.push_back({{Offset(20 * i), Offset(20 * i + 1)}, 1'000'000'000});
  report.coverage.push_back(chunk);
  return report;
}

RC_GTEST_PROP(ReportProperty, SplitPartsAddUp, ()) {
  const Report report = long_report();
  const size_t bytes_max = static_cast<size_t>(pick(64, 128)) * 1024;
  const std::vector<Report> parts = split_report(Report(report), bytes_max);
  RC_ASSERT(parts.size() > 1u || encode_report(report).size() <= bytes_max);

  Report sum = report;
  sum.entries.clear();
  sum.positions.clear();
  sum.rates.clear();
  std::map<ChunkKey, Told> told;
  std::set<uint32_t> clients;
  bool positions_began = false;
  for (const Report& part : parts) {
    const bool is_last = &part == &parts.back();
    RC_ASSERT(encode_report(part).size() <= bytes_max);
    RC_ASSERT(check_report(part).has_value());
    RC_ASSERT(part.reporter == report.reporter && part.host == report.host && part.from_ms == report.from_ms);
    RC_ASSERT(part.closed == (is_last && report.closed));
    RC_ASSERT(part.complete_up_to_ms == (is_last ? report.complete_up_to_ms : report.from_ms));
    RC_ASSERT(part.dropped == (&part == &parts.front() ? report.dropped : Dropped{}));
    RC_ASSERT(part.coverage.empty() || !positions_began);
    positions_began = positions_began || !part.positions.empty();
    for (const CoverageChunk& chunk : part.coverage) tell(chunk, told);
    for (const ClientInfo& client : part.clients) {
      clients.insert(client.ref);
      RC_ASSERT(std::count(report.clients.begin(), report.clients.end(), client) == 1);
    }
    append_all(part.entries, sum.entries);
    append_all(part.positions, sum.positions);
    append_all(part.rates, sum.rates);
  }
  RC_ASSERT(sum == report);
  RC_ASSERT(clients.size() == report.clients.size());
  std::map<ChunkKey, Told> want;
  for (const CoverageChunk& chunk : report.coverage) tell(chunk, want);
  for (auto it = want.begin(); it != want.end();) {
    const auto got = told.find(it->first);
    RC_ASSERT(got != told.end() && got->second == it->second);
    it = want.erase(it);
  }
}

}  // namespace
}  // namespace waybill::tally
