#pragma once
// Varint bytes for the collector's stored state. Private to this folder: the state is read by the program
// that wrote it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "tally/bucket.h"

namespace waybill::audit {

/// Appends values to a string.
class StateWriter {
 public:
  void u64(uint64_t v) {
    while (v >= 0x80) {
      bytes_.push_back(static_cast<char>(v | 0x80));
      v >>= 7;
    }
    bytes_.push_back(static_cast<char>(v));
  }
  void i64(int64_t v) { u64((static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63)); }
  void text(std::string_view s) {
    u64(s.size());
    bytes_.append(s);
  }
  void id(const Id128& id) { bytes_.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()); }
  void label(const tally::BucketLabel& l) {
    u64(static_cast<uint64_t>(l.kind));
    if (l.kind == tally::BucketKind::kNormal) i64(l.start.value);
  }
  /// Sorted disjoint ranges as pairs (gap, length).
  void runs(const std::vector<OffsetRange>& runs) {
    u64(runs.size());
    int64_t at = 0;
    for (const OffsetRange& r : runs) {
      u64(static_cast<uint64_t>(r.begin.value - at));
      u64(static_cast<uint64_t>(r.size()));
      at = r.end.value;
    }
  }
  std::string take() { return std::move(bytes_); }
  const std::string& bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

/// Reads what a StateWriter wrote. After bytes that end early or make no sense ok() is false and every value
/// is 0 or empty.
class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : rest_(bytes) {}
  uint64_t u64() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      v |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    return bad(), 0;
  }
  int64_t i64() {
    uint64_t v = u64();
    return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
  }
  std::string_view view() {
    uint64_t n = u64();
    if (n > rest_.size()) return bad(), std::string_view();
    std::string_view out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }
  std::string text() { return std::string(view()); }
  Id128 id() {
    Id128 out;
    if (rest_.size() < out.bytes.size()) return bad(), out;
    std::copy_n(rest_.begin(), out.bytes.size(), out.bytes.begin());
    rest_.remove_prefix(out.bytes.size());
    return out;
  }
  tally::BucketLabel label() {
    tally::BucketLabel l;
    uint64_t kind = u64();
    if (kind > 2) return bad(), l;
    l.kind = static_cast<tally::BucketKind>(kind);
    if (l.kind == tally::BucketKind::kNormal) l.start = BucketStart(i64());
    return l;
  }
  std::vector<OffsetRange> runs() {
    std::vector<OffsetRange> out;
    int64_t at = 0;
    for (uint64_t n = count(); n > 0 && ok_; --n) {
      int64_t begin = at + static_cast<int64_t>(u64());
      at = begin + static_cast<int64_t>(u64());
      out.push_back({Offset(begin), Offset(at)});
    }
    return out;
  }
  /// A number of things that follow; never more than there are bytes left.
  uint64_t count() {
    uint64_t n = u64();
    return n <= rest_.size() ? n : (bad(), 0);
  }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  void bad() {
    ok_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace waybill::audit
