#include "source/line_blocks.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"

namespace waybill::source {
namespace {

/// Position behind the last newline in bytes [from, to), or `from` when there is none.
size_t behind_last_newline(const char* bytes, size_t from, size_t to) {
  const void* newline = ::memrchr(bytes + from, '\n', to - from);
  return newline == nullptr ? from : static_cast<size_t>(static_cast<const char*>(newline) - bytes) + 1;
}

/// First byte at or behind `at` that begins a line, or the end of the file.
Result<uint64_t> line_start(int fd, const std::string& path, uint64_t at) {
  std::vector<char> bytes(64 << 10);
  --at;  // a newline right in front of `at` makes `at` the start
  for (size_t size = 4 << 10;; size = bytes.size()) {
    const ssize_t got = ::pread(fd, bytes.data(), size, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::make_unexpected(file_error(path, "reading", errno));
    if (got == 0) return at;
    const void* newline = std::memchr(bytes.data(), '\n', static_cast<size_t>(got));
    if (newline != nullptr)
      return at + static_cast<size_t>(static_cast<const char*>(newline) - bytes.data()) + 1;
    at += static_cast<uint64_t>(got);
  }
}

}  // namespace

void BlockBuffer::reserve(size_t size, size_t keep) {
  if (size <= capacity_ && bytes_ != nullptr) return;
  std::unique_ptr<char[]> larger(new char[size + kPadding]);  // not initialised: it is read into
  if (keep > 0) std::memcpy(larger.get(), bytes_.get(), keep);
  bytes_ = std::move(larger);
  capacity_ = size;
}

LineBlocks::LineBlocks(std::unique_ptr<ByteInput> input, const LineBlockOptions& options)
    : input_(std::move(input)),
      block_bytes_(std::clamp<size_t>(options.block_bytes, 1, options.line_bytes_max + 1)),
      line_bytes_max_(options.line_bytes_max),
      offset_(options.range.begin) {
  ASSERT(input_ != nullptr);
}

size_t LineBlocks::read(char* to, size_t size) {
  if (ended_) return 0;
  auto got = input_->read(to, size);
  if (!got) {
    error_ = std::move(got).error();
    ended_ = true;
    return 0;
  }
  ended_ = *got == 0;
  return *got;
}

LineBlock LineBlocks::cut(std::unique_ptr<BlockBuffer> buffer, size_t have, size_t whole) {
  char* bytes = buffer->data();
  carry_.assign(bytes + whole, have - whole);
  std::memset(bytes + whole, 0, BlockBuffer::kPadding);
  LineBlock block{.bytes = {bytes, whole}, .offset = offset_};
  block.buffer = std::move(buffer);
  offset_ += whole;
  return block;
}

Result<std::optional<LineBlock>> LineBlocks::next(std::unique_ptr<BlockBuffer> buffer) {
  if (buffer == nullptr) buffer = std::make_unique<BlockBuffer>();
  // A line is longer than the limit exactly when limit + 1 bytes hold no newline, so no block is ever filled
  // further, and only the first line of a block can be too long.
  const size_t size_max = line_bytes_max_ + 1;
  size_t limit = block_bytes_;
  while (limit <= carry_.size()) limit = std::min(limit * 2, size_max);
  buffer->reserve(limit, 0);
  size_t have = carry_.size();
  std::memcpy(buffer->data(), carry_.data(), have);
  carry_.clear();
  for (size_t searched = 0;;) {
    while (have < limit) {
      const size_t got = read(buffer->data() + have, limit - have);
      have += got;
      if (got == 0 || !input_->ready()) break;
    }
    const size_t whole = behind_last_newline(buffer->data(), searched, have);
    if (whole > searched) return cut(std::move(buffer), have, whole);
    searched = have;
    if (have > line_bytes_max_) return skip_line(std::move(buffer), have);
    if (ended_) break;
    if (have == limit) limit = std::min(limit * 2, size_max);
    buffer->reserve(limit, have);
  }
  if (error_) {
    Error error = std::move(*error_);
    error_.reset();
    if (have > 0)
      error.message += "; " + std::to_string(have) + " bytes of an unfinished line at byte " +
                       std::to_string(offset_) + " were dropped";
    return tl::make_unexpected(std::move(error));
  }
  if (have > 0) return cut(std::move(buffer), have, have);
  return std::nullopt;
}

Result<std::optional<LineBlock>> LineBlocks::skip_line(std::unique_ptr<BlockBuffer> buffer, size_t have) {
  LineBlock block{.bytes = {}, .offset = offset_};
  block.oversized = OversizedLine{offset_, have};
  for (;;) {
    const size_t got = read(buffer->data(), block_bytes_);
    const void* newline = got == 0 ? nullptr : std::memchr(buffer->data(), '\n', got);
    if (newline == nullptr && got > 0) {
      block.oversized->size += got;
      continue;
    }
    offset_ += block.oversized->size;
    if (newline != nullptr) {
      const size_t before = static_cast<size_t>(static_cast<const char*>(newline) - buffer->data());
      block.oversized->size += before;
      offset_ += before + 1;
      carry_.assign(buffer->data() + before + 1, got - before - 1);
    }
    block.buffer = std::move(buffer);
    return block;
  }
}

Result<std::unique_ptr<LineBlocks>> open_line_blocks(const std::string& path,
                                                     const LineBlockOptions& options) {
  auto input = open_byte_input(path, options.range);
  if (!input) return tl::make_unexpected(std::move(input).error());
  return std::make_unique<LineBlocks>(*std::move(input), options);
}

Result<std::vector<ByteRange>> split_lines(const std::string& path, size_t parts) {
  ASSERT(parts >= 1);
  const std::vector<ByteRange> one{ByteRange{}};
  if (path == "-") return one;
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return one;
  auto file = open_for_reading(path);
  if (!file) return tl::make_unexpected(std::move(file).error());
  if (::fstat(file->get(), &status) != 0) return tl::make_unexpected(file_error(path, "opening", errno));
  if (S_ISDIR(status.st_mode)) return tl::make_unexpected(file_error(path, "opening", EISDIR));
  char head[4];
  const ssize_t got = ::pread(file->get(), head, sizeof head, 0);
  if (got < 0) return tl::make_unexpected(file_error(path, "reading", errno));
  if (compression_of({head, static_cast<size_t>(got)}) != Compression::kNone) return one;
  const uint64_t size = static_cast<uint64_t>(status.st_size);
  std::vector<ByteRange> ranges;
  for (uint64_t begin = 0, part = 1; part <= parts && begin < size; ++part) {
    uint64_t end =
        part == parts ? size : static_cast<uint64_t>(static_cast<unsigned __int128>(size) * part / parts);
    if (end <= begin) continue;
    if (end < size) {
      auto start = line_start(file->get(), path, end);
      if (!start) return tl::make_unexpected(std::move(start).error());
      end = std::min(*start, size);
    }
    ranges.push_back({begin, end});
    begin = end;
  }
  if (ranges.empty()) ranges.push_back({0, 0});
  return ranges;
}

}  // namespace waybill::source
