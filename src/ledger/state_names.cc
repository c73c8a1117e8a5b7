#include "ledger/state_names.h"

#include <algorithm>

#include "ledger/journal.h"

namespace waybill::ledger {
namespace {

constexpr uint64_t kVersion = 1;
constexpr uint64_t kSlicesMax = 1'000'000;

void put(std::string& out, uint64_t value, size_t bytes = 8) {
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

uint64_t number_at(std::string_view bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

/// Takes numbers and texts from the front; ok() is false once something was missing.
class In {
 public:
  explicit In(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  bool empty() const { return bytes_.empty(); }
  uint64_t number(size_t size = 8) {
    const std::string_view raw = raw_bytes(size);
    return raw.empty() ? 0 : number_at(raw, size);
  }
  int64_t signed_number() { return static_cast<int64_t>(number()); }
  std::string text() {
    const uint64_t size = number(4);
    return std::string(raw_bytes(size));
  }

 private:
  std::string_view raw_bytes(uint64_t size) {
    if (size > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const std::string_view out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }
  std::string_view bytes_;
  bool ok_ = true;
};

void put_text(std::string& out, std::string_view text) {
  put(out, text.size(), 4);
  out += text;
}

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
  In in(bytes);
  TaskMeta meta;
  const uint64_t version = in.number();
  if (in.ok() && version != kVersion)
    return fail(Errc::kUnsupported,
                "ledger state: version " + std::to_string(version) + ", this program knows 1");
  meta.seed = in.number();
  meta.next_slice = in.number();
  meta.time_ms = in.signed_number();
  meta.malformed = in.signed_number();
  const uint64_t count = in.number();
  if (count > kSlicesMax) return fail(Errc::kCorrupt, "ledger state: too many slices");
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    TaskMeta::Slice slice;
    slice.number = in.number();
    slice.first_ms = in.signed_number();
    slice.last_ms = in.signed_number();
    slice.bytes = in.number();
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
  In in(bytes);
  std::vector<ProducerName> out;
  const uint64_t producers = in.number();
  for (uint64_t p = 0; p < producers && in.ok(); ++p) {
    ProducerName producer;
    producer.name = in.text();
    const uint64_t consumers = in.number();
    for (uint64_t c = 0; c < consumers && in.ok(); ++c) producer.consumers.push_back({in.text(), {}});
    out.push_back(std::move(producer));
  }
  if (!in.ok()) return fail(Errc::kTruncated, "ledger state: names end early");
  return out;
}

std::string part_bytes(int64_t time_ms, std::string_view entries) {
  std::string out;
  out.reserve(kPartHeader + entries.size());
  put(out, static_cast<uint64_t>(time_ms));
  put(out, entries.size(), 4);
  out += entries;
  return out;
}

Result<void> apply_parts(std::string_view bytes, Shard& shard) {
  while (!bytes.empty()) {
    if (bytes.size() < kPartHeader) return fail(Errc::kTruncated, "ledger state: a part ends early");
    const auto time_ms = static_cast<int64_t>(number_at(bytes, 8));
    const uint64_t size = number_at(bytes.substr(8), 4);
    bytes.remove_prefix(kPartHeader);
    if (size > bytes.size()) return fail(Errc::kTruncated, "ledger state: a part ends early");
    shard.set_stamp(static_cast<uint32_t>(time_ms / 1000));
    if (auto applied = apply_entries(bytes.substr(0, size), shard); !applied) return applied;
    bytes.remove_prefix(size);
  }
  return {};
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
    if (i == 0) put(part, count, 4);
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
  const uint64_t count = number_at(*first, 4);
  std::string out = first->substr(4);
  for (uint64_t i = 1; i < count; ++i) {
    auto part = segments.read(name + "." + std::to_string(i));
    if (!part) return part;
    out += *part;
  }
  return out;
}

}  // namespace waybill::ledger
