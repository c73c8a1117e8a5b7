#include "ledger/tables.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/utf8.h"
#include "tally/latency_text.h"

namespace waybill::ledger {
namespace {

using flow::ColumnType;
using flow::Merge;
using flow::TableSpec;
using Retention = flow::TableSpec::Retention;
constexpr auto kText = ColumnType::kText;
constexpr auto kInt = ColumnType::kInt64;
constexpr size_t kUidKeyBytes = 160;

}  // namespace

const TableSpec& bucket_table() {
  static const TableSpec kSpec{.name = "ledger_buckets",
                               .keys = {{"ledger"}, {"start", kInt}, {"producer"}, {"consumer"}},
                               .values = {{"produced"},
                                          {"consumed"},
                                          {"duplicated"},
                                          {"unconsumed"},
                                          {"unrecorded"},
                                          {"latency", kText, Merge::kSketch}},
                               .merge_sketch = tally::merge_latency_texts,
                               .expire_by = "start",
                               .retention = Retention::kHours};
  return kSpec;
}

const TableSpec& exception_table() {
  static const TableSpec kSpec{
      .name = "ledger_exceptions",
      .keys = {{"ledger"}, {"kind"}, {"produce_time", kInt}, {"uid"}, {"producer"}, {"consumer"}},
      .values = {{"consume_time", kInt, Merge::kLast}},
      .expire_by = "produce_time",
      .retention = Retention::kFindings};
  return kSpec;
}

const TableSpec& line_table() {
  static const TableSpec kSpec{.name = "ledger_lines",
                               .keys = {{"ledger"}, {"part"}},
                               .values = {{"lines"}, {"ignored"}, {"malformed"}, {"failed"}, {"overflow"}}};
  return kSpec;
}

const TableSpec& malformed_table() {
  static const TableSpec kSpec{.name = "ledger_malformed",
                               .keys = {{"ledger"}, {"place"}},
                               .values = {{"reason", kText, Merge::kLast},
                                          {"text", kText, Merge::kLast},
                                          {"time_ms", kInt, Merge::kLast}},
                               .expire_by = "time_ms",
                               .retention = Retention::kFindings};
  return kSpec;
}

std::span<const TableSpec* const> ledger_tables() {
  static const TableSpec* const kAll[] = {&bucket_table(), &exception_table(), &line_table(),
                                          &malformed_table()};
  return kAll;
}

std::string uid_key(std::string_view uid) {
  if (uid.size() <= kUidKeyBytes) return std::string(uid);
  std::string out;
  while (out.size() < kUidKeyBytes - 24) {
    const size_t length = std::max<size_t>(1, utf8_sequence_length(uid.substr(out.size())));
    out.append(uid.substr(out.size(), length));
  }
  out += "...";
  const uint64_t hash = XXH3_64bits(uid.data(), uid.size());
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(hash >> shift) & 15];
  return out;
}

}  // namespace waybill::ledger
