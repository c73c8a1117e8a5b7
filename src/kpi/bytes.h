#pragma once
// State as bytes: varints, zigzag and texts. Read with bounds; a damaged state is an error, never a crash.

#include <cstdint>
#include <string>
#include <string_view>

namespace waybill::kpi {

class ByteWriter {
 public:
  void number(uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
  }
  void integer(int64_t value) {
    number((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
  }
  void text(std::string_view value) {
    number(value.size());
    out_.append(value);
  }
  const std::string& bytes() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// After a fault every read gives 0 or "", and fine() is false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}
  bool fine() const { return fine_; }
  bool more() const { return fine_ && !in_.empty(); }
  uint64_t number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (in_.empty()) break;
      const auto byte = static_cast<uint8_t>(in_.front());
      in_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (!(byte & 0x80)) return value;
    }
    return fail();
  }
  int64_t integer() {
    const uint64_t value = number();
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }
  std::string_view text() {
    const uint64_t size = number();
    if (!fine_ || size > in_.size()) {
      fail();
      return {};
    }
    const std::string_view value = in_.substr(0, size);
    in_.remove_prefix(size);
    return value;
  }

 private:
  uint64_t fail() {
    fine_ = false;
    in_ = {};
    return 0;
  }
  std::string_view in_;
  bool fine_ = true;
};

}  // namespace waybill::kpi
