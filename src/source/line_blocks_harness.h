#pragma once
// Lines as a plain model sees them, and inputs that hand out bytes in odd pieces. For tests and the fuzz
// target.

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "source/line_blocks.h"

namespace waybill::source::harness {

/// Hands out `bytes` in pieces of 1 to `piece_max`; then the end, or `error`.
class PiecesInput final : public ByteInput {
 public:
  PiecesInput(std::string bytes, size_t piece_max, uint64_t seed, std::optional<Error> error = std::nullopt)
      : bytes_(std::move(bytes)), piece_max_(piece_max), random_(seed), error_(std::move(error)) {}
  Result<size_t> read(char* to, size_t size) override {
    if (at_ == bytes_.size() && error_) return tl::make_unexpected(*error_);
    size = std::min({size, bytes_.size() - at_, 1 + random_() % piece_max_});
    std::memcpy(to, bytes_.data() + at_, size);
    at_ += size;
    return size;
  }
  bool ready() const override { return random_() % 2 == 0; }

 private:
  std::string bytes_;
  size_t piece_max_;
  mutable std::mt19937_64 random_;
  std::optional<Error> error_;
  size_t at_ = 0;
};

/// A line with its newline, or a skipped one by its size.
struct Line {
  uint64_t offset = 0;
  std::string text;
  uint64_t skipped = 0;
  bool operator==(const Line&) const = default;
};

/// The model: one byte after another.
inline std::vector<Line> plain_lines(std::string_view bytes, size_t line_bytes_max) {
  std::vector<Line> lines;
  for (size_t begin = 0; begin < bytes.size();) {
    size_t end = bytes.find('\n', begin);
    const size_t next = end == std::string_view::npos ? bytes.size() : end + 1;
    if (end == std::string_view::npos) end = bytes.size();
    if (end - begin > line_bytes_max) {
      lines.push_back({begin, "", end - begin});
    } else {
      lines.push_back({begin, std::string(bytes.substr(begin, next - begin)), 0});
    }
    begin = next;
  }
  return lines;
}

/// Appends the lines of `block`. False when the block breaks its contract: padding, whole lines, something in
/// it.
inline bool append_lines(const LineBlock& block, std::vector<Line>& lines) {
  if (block.oversized) {
    lines.push_back({block.oversized->offset, "", block.oversized->size});
    return block.bytes.empty();
  }
  for (size_t i = 0; i < BlockBuffer::kPadding; ++i)
    if (block.bytes.data()[block.bytes.size() + i] != '\0') return false;
  for (Line& line : plain_lines(block.bytes, block.bytes.size())) {
    line.offset += block.offset;
    lines.push_back(std::move(line));
  }
  return !block.bytes.empty();
}

}  // namespace waybill::source::harness
