#pragma once
// State as bytes: varints (LEB128), signed ones zigzag, little-endian numbers of fixed width, and texts with
// their length. What is read is never trusted.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace waybill {

inline void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
inline void append_zigzag(std::string& out, int64_t value) {
  append_varint(out, (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}
/// The lowest `size` bytes, the lowest first.
inline void append_fixed(std::string& out, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

/// Appends values to a string of its own.
class ByteWriter {
 public:
  void u64(uint64_t value) { append_varint(bytes_, value); }
  void i64(int64_t value) { append_zigzag(bytes_, value); }
  void text(std::string_view text) {
    u64(text.size());
    bytes_.append(text);
  }
  void raw(std::string_view bytes) { bytes_.append(bytes); }
  std::string take() { return std::move(bytes_); }
  const std::string& bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

/// Reads what was appended. After bytes that end early or make no sense ok() is false, nothing is left, and
/// every value is 0 or empty. Views point into the bytes.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}
  uint64_t u64() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    fault();
    return 0;
  }
  int64_t i64() {
    const uint64_t value = u64();
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }
  uint64_t fixed(size_t size) {
    const std::string_view bytes = raw(size);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size(); ++i) value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
    return value;
  }
  std::string_view raw(uint64_t size) {
    if (size > rest_.size()) {
      fault();
      return {};
    }
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  std::string_view view() { return raw(u64()); }
  std::string text() { return std::string(view()); }
  /// A number of things that follow; never more than there are bytes left.
  uint64_t count() {
    const uint64_t n = u64();
    if (n <= rest_.size()) return n;
    fault();
    return 0;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 protected:
  void fault() {
    ok_ = false;
    rest_ = {};
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace waybill
