#include "ledger/state_names.h"

#include <algorithm>

#include "base/bytes.h"
#include "ledger/journal.h"

namespace waybill::ledger {
namespace {

constexpr uint64_t kVersion = 1;
constexpr uint64_t kSlicesMax = 1'000'000;

void put(std::string& out, uint64_t value) { append_fixed(out, value, 8); }

void put_text(std::string& out, std::string_view text) {
  append_fixed(out, text.size(), 4);
  out += text;
}

std::string take_text(ByteReader& in) { return std::string(in.raw(in.fixed(4))); }
int64_t take_signed(ByteReader& in) { return static_cast<int64_t>(in.fixed(8)); }

}  // namespace

std::string encode_meta(const TaskMeta& meta) {
  std::string out;
  put(out, kVersion);
  put(out, meta.seed);
  put(out, meta.next_slice);
  put(out, static_cast<uint64_t>(meta.time_ms));
  put(out, static_cast<uint64_t>(meta.malformed));
  put(out, meta.slices.size());
  for (const TaskMeta::Slice& slice : meta.slices) {
    put(out, slice.number);
    put(out, static_cast<uint64_t>(slice.first_ms));
    put(out, static_cast<uint64_t>(slice.last_ms));
    put(out, slice.bytes);
  }
  return out;
}

Result<TaskMeta> decode_meta(std::string_view bytes) {
  ByteReader in(bytes);
  TaskMeta meta;
  const uint64_t version = in.fixed(8);
  if (in.ok() && version != kVersion)
    return fail(Errc::kUnsupported,
                "ledger state: version " + std::to_string(version) + ", this program knows 1");
  meta.seed = in.fixed(8);
  meta.next_slice = in.fixed(8);
  meta.time_ms = take_signed(in);
  meta.malformed = take_signed(in);
  const uint64_t count = in.fixed(8);
  if (count > kSlicesMax) return fail(Errc::kCorrupt, "ledger state: too many slices");
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    TaskMeta::Slice slice;
    slice.number = in.fixed(8);
    slice.first_ms = take_signed(in);
    slice.last_ms = take_signed(in);
    slice.bytes = in.fixed(8);
    meta.slices.push_back(slice);
  }
  if (!in.ok()) return fail(Errc::kTruncated, "ledger state: meta ends early");
  return meta;
}

std::string encode_names(const Roster& roster) {
  std::string out;
  put(out, roster.producers().size());
  for (const ProducerName& producer : roster.producers()) {
    put_text(out, producer.name);
    put(out, producer.consumers.size());
    for (const ConsumerName& consumer : producer.consumers) put_text(out, consumer.name);
  }
  return out;
}

Result<std::vector<ProducerName>> decode_names(std::string_view bytes) {
  ByteReader in(bytes);
  std::vector<ProducerName> out;
  const uint64_t producers = in.fixed(8);
  for (uint64_t p = 0; p < producers && in.ok(); ++p) {
    ProducerName producer;
    producer.name = take_text(in);
    const uint64_t consumers = in.fixed(8);
    for (uint64_t c = 0; c < consumers && in.ok(); ++c) producer.consumers.push_back({take_text(in), {}});
    out.push_back(std::move(producer));
  }
  if (!in.ok()) return fail(Errc::kTruncated, "ledger state: names end early");
  return out;
}

std::string part_bytes(int64_t time_ms, std::string_view entries) {
  std::string out;
  out.reserve(kPartHeader + entries.size());
  put(out, static_cast<uint64_t>(time_ms));
  append_fixed(out, entries.size(), 4);
  out += entries;
  return out;
}

Result<void> apply_parts(std::string_view bytes, Shard& shard) {
  ByteReader in(bytes);
  while (!in.at_end()) {
    const int64_t time_ms = take_signed(in);
    const std::string_view entries = in.raw(in.fixed(4));
    if (!in.ok()) break;
    shard.set_stamp(static_cast<uint32_t>(time_ms / 1000));
    if (auto applied = apply_entries(entries, shard); !applied) return applied;
  }
  return in.ok() ? Result<void>() : fail(Errc::kTruncated, "ledger state: a part ends early");
}

std::string slice_name(uint64_t number) {
  std::string digits = std::to_string(number);
  return "j/" + std::string(digits.size() < 12 ? 12 - digits.size() : 0, '0') + digits;
}

std::vector<std::pair<std::string, std::string>> split_segment(const std::string& name,
                                                               std::string_view bytes) {
  constexpr size_t kPart = flow::kSegmentBytesMax - 4;
  const size_t count = std::max<size_t>(1, (bytes.size() + kPart - 1) / kPart);
  std::vector<std::pair<std::string, std::string>> out;
  for (size_t i = 0; i < count; ++i) {
    std::string part;
    if (i == 0) append_fixed(part, count, 4);
    part += bytes.substr(std::min(bytes.size(), i * kPart), kPart);
    out.emplace_back(i == 0 ? name : name + "." + std::to_string(i), std::move(part));
  }
  return out;
}

Result<std::string> read_split(const flow::SegmentReader& segments, const std::string& name) {
  auto first = segments.read(name);
  if (!first && first.error().code == Errc::kNotFound) return std::string();
  if (!first) return first;
  if (first->size() < 4) return fail(Errc::kTruncated, "ledger state: " + name + " ends early");
  const uint64_t count = ByteReader(*first).fixed(4);
  std::string out = first->substr(4);
  for (uint64_t i = 1; i < count; ++i) {
    auto part = segments.read(name + "." + std::to_string(i));
    if (!part) return part;
    out += *part;
  }
  return out;
}

}  // namespace waybill::ledger
