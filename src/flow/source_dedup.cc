#include "flow/source_dedup.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace waybill::flow {
namespace {

constexpr uint8_t kVersion = 2;
constexpr size_t kHeadBytes = 1 + 8 + 8 + 4;  // version, tick, repeated, number of marks
constexpr size_t kMarkBytes = 8 + 4 + 8 + 8;

void put(std::string& to, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) to.push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t get(std::string_view from, size_t at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= uint64_t{static_cast<uint8_t>(from[at + i])} << (8 * i);
  return value;
}

}  // namespace

size_t write_source_mark(const SourceMark& mark, char* to) {
  for (int i = 0; i < 16; ++i) to[i] = "0123456789abcdef"[(mark.file >> (60 - 4 * i)) & 15];
  to[16] = ':';
  return static_cast<size_t>(std::to_chars(to + 17, to + kSourceMarkBytesMax, mark.offset).ptr - to);
}

std::optional<SourceMark> parse_source_mark(std::string_view text) {
  SourceMark mark;
  if (text.size() < 18 || text[16] != ':') return std::nullopt;
  const char* const end = text.data() + text.size();
  auto file = std::from_chars(text.data(), text.data() + 16, mark.file, 16);
  auto offset = std::from_chars(text.data() + 17, end, mark.offset);
  const bool fine =
      file.ec == std::errc{} && file.ptr == text.data() + 16 && offset.ec == std::errc{} && offset.ptr == end;
  return fine ? std::optional(mark) : std::nullopt;
}

SourceDedup::SourceDedup(size_t entries_max) : entries_max_(entries_max) { ASSERT(entries_max >= 1); }

SourceDedup::Verdict SourceDedup::look(PartitionId partition, std::span<const Header> headers) {
  std::optional<SourceMark> mark;
  for (const Header& header : headers)
    if (header.key == kSourceHeader)
      mark = parse_source_mark(header.value);  // the last one, as the newest hop set it
  if (!mark) return Verdict::kUnmarked;
  const Key key{mark->file, partition.value};
  ++tick_;
  if (last_ == marks_.end() || last_->first != key) {
    last_ = marks_.find(key);
    if (last_ == marks_.end()) {
      if (marks_.size() >= entries_max_) forget();
      last_ = marks_.emplace(key, High{mark->offset, tick_}).first;
      touch(*last_);
      return Verdict::kNew;
    }
  }
  High& high = last_->second;
  high.used = tick_;
  if (mark->offset <= high.offset) {
    ++repeated_;
    changed_ = true;
    return Verdict::kRepeated;
  }
  high.offset = mark->offset;
  touch(*last_);
  return Verdict::kNew;
}

void SourceDedup::touch(Marks::value_type& entry) {
  if (!entry.second.dirty) dirty_.push_back(entry.first);
  entry.second.dirty = true;
}

void SourceDedup::forget() {
  std::vector<uint64_t> uses;
  for (const auto& [key, high] : marks_) uses.push_back(high.used);
  const size_t drop = std::max<size_t>(1, uses.size() / 8);
  std::nth_element(uses.begin(), uses.begin() + static_cast<std::ptrdiff_t>(drop - 1), uses.end());
  const uint64_t oldest_kept = uses[drop - 1];
  forgotten_ += std::erase_if(marks_, [&](const auto& entry) { return entry.second.used <= oldest_kept; });
  last_ = marks_.end();
}

void SourceDedup::put_head(std::string& bytes, size_t entries) const {
  put(bytes, kVersion, 1);
  put(bytes, tick_, 8);
  put(bytes, repeated_, 8);
  put(bytes, entries, 4);
}

size_t SourceDedup::encoded_bytes() const { return kHeadBytes + marks_.size() * kMarkBytes; }

std::string SourceDedup::encode() {
  dirty_.clear();
  for (auto& entry : marks_) {
    entry.second.dirty = false;
    touch(entry);
  }
  return encode_changes();
}

std::string SourceDedup::encode_changes() {
  std::erase_if(dirty_, [this](const Key& key) { return !marks_.contains(key); });
  std::string bytes;
  bytes.reserve(kHeadBytes + dirty_.size() * kMarkBytes);
  put_head(bytes, dirty_.size());
  for (const Key& key : std::exchange(dirty_, {})) {
    High& high = marks_.find(key)->second;
    high.dirty = false;
    put(bytes, key.first, 8);
    put(bytes, static_cast<uint32_t>(key.second), 4);
    put(bytes, high.offset, 8);
    put(bytes, high.used, 8);
  }
  changed_ = false;
  return bytes;
}

Result<void> SourceDedup::restore(std::string_view bytes) {
  marks_.clear();
  dirty_.clear();
  do {
    const size_t count = bytes.size() < kHeadBytes ? 0 : get(bytes, kHeadBytes - 4, 4);
    const size_t size = kHeadBytes + count * kMarkBytes;
    if (bytes.size() < size || static_cast<uint8_t>(bytes[0]) != kVersion)
      return fail(Errc::kCorrupt, "the high-waters of followed files cannot be read");
    tick_ = get(bytes, 1, 8);
    repeated_ = get(bytes, 9, 8);
    for (size_t at = kHeadBytes; at < size; at += kMarkBytes) {
      const Key key{get(bytes, at, 8), static_cast<int32_t>(get(bytes, at + 8, 4))};
      marks_[key] = High{get(bytes, at + 12, 8), get(bytes, at + 20, 8)};
    }
    bytes.remove_prefix(size);
  } while (!bytes.empty());
  while (marks_.size() > entries_max_) forget();
  last_ = marks_.end();
  changed_ = false;
  return {};
}

}  // namespace waybill::flow
