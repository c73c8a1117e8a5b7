#include "flow/seen_records.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"

namespace waybill::flow {
namespace {

constexpr size_t kSeenEntryBytes = 24;
constexpr size_t kSeenSliceMax = 20'000;  // 480 KB a segment
constexpr std::string_view kSeenPrefix = "seen/";

std::string seen_segment(uint64_t number) { return std::string(kSeenPrefix) + std::to_string(number); }

}  // namespace

bool SeenRecords::add(std::string_view key, Offset offset) {
  const XXH128_hash_t found = XXH3_128bits(key.data(), key.size());
  const Hash hash{found.low64, found.high64};
  if (!seen_.insert(hash).second) return false;
  if (slices_.empty() || slices_.back().entries.size() >= kSeenSliceMax) {
    slices_.emplace_back();
    slices_.back().number = next_slice_++;
  }
  Slice& slice = slices_.back();
  slice.entries.push_back({hash, offset.value});
  slice.newest = std::max(slice.newest, offset.value);
  while (seen_.size() > kSeenMax) {
    forgotten_ += static_cast<int64_t>(slices_.front().entries.size());
    drop_first();
  }
  return true;
}

void SeenRecords::pass(Offset position) {
  while (slices_.size() > 1 && slices_.front().newest < position.value - keep_) drop_first();
}

void SeenRecords::drop_first() {
  Slice& slice = slices_.front();
  for (const Entry& entry : slice.entries) seen_.erase(entry.hash);
  if (slice.written > 0) dropped_.push_back(slice.number);
  slices_.pop_front();
}

void SeenRecords::flush(std::vector<SegmentChange>& changes) {
  for (const uint64_t number : dropped_)
    changes.push_back({SegmentChange::Op::kDrop, seen_segment(number), {}});
  dropped_.clear();
  auto first = std::find_if(slices_.rbegin(), slices_.rend(), [](const Slice& slice) {
                 return slice.written == slice.entries.size();
               }).base();
  for (; first != slices_.end(); ++first) {
    std::string bytes;
    bytes.reserve((first->entries.size() - first->written) * kSeenEntryBytes);
    for (size_t i = first->written; i < first->entries.size(); ++i) {
      append_fixed(bytes, first->entries[i].hash.low, 8);
      append_fixed(bytes, first->entries[i].hash.high, 8);
      append_fixed(bytes, static_cast<uint64_t>(first->entries[i].offset), 8);
    }
    const auto op = first->written == 0 ? SegmentChange::Op::kReplace : SegmentChange::Op::kAppend;
    changes.push_back({op, seen_segment(first->number), std::move(bytes)});
    first->written = first->entries.size();
  }
}

Result<void> SeenRecords::restore(const SegmentReader& segments) {
  for (const std::string& name : segments.names()) {
    if (!name.starts_with(kSeenPrefix)) continue;
    Slice slice;
    const char* end = name.data() + name.size();
    auto [at, fault] = std::from_chars(name.data() + kSeenPrefix.size(), end, slice.number);
    auto bytes = segments.read(name);
    if (!bytes) return tl::make_unexpected(std::move(bytes.error()));
    if (fault != std::errc() || at != end || bytes->size() % kSeenEntryBytes != 0)
      return fail(Errc::kCorrupt, "state of seen records: " + name + " is none of ours");
    for (ByteReader in(*bytes); !in.at_end();) {
      Entry entry;
      entry.hash.low = in.fixed(8);
      entry.hash.high = in.fixed(8);
      entry.offset = static_cast<int64_t>(in.fixed(8));
      slice.newest = std::max(slice.newest, entry.offset);
      seen_.insert(entry.hash);
      slice.entries.push_back(entry);
    }
    slice.written = slice.entries.size();
    next_slice_ = std::max(next_slice_, slice.number + 1);
    slices_.push_back(std::move(slice));
  }
  std::sort(slices_.begin(), slices_.end(),
            [](const Slice& a, const Slice& b) { return a.number < b.number; });
  return {};
}

}  // namespace waybill::flow
