#pragma once
// Files in blocks of whole lines, for commands that read a file from front to back. A plain file is read with
// pread into buffers that are used again. Mapping it was measured to be as fast once every byte is looked at
// (source_bench has both), and turns a file that is cut while it is read into SIGBUS.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "source/byte_input.h"

namespace waybill::source {

/// Memory of one block. Made by LineBlocks or by the caller, handed over with the block, given back to any
/// LineBlocks.
class BlockBuffer {
 public:
  /// Bytes that may be read behind a block (simdjson needs them); they are 0.
  static constexpr size_t kPadding = 64;

  char* data() { return bytes_.get(); }
  size_t capacity() const { return capacity_; }
  /// Makes room for `size` bytes and the padding, keeping the first `keep`.
  void reserve(size_t size, size_t keep);

 private:
  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;  ///< without the padding
};

/// A line longer than `line_bytes_max`. It was skipped.
struct OversizedLine {
  uint64_t offset = 0;  ///< of its first byte
  uint64_t size = 0;    ///< bytes without the newline
};

/// Whole lines. Owns its memory: any thread may use it, also after the LineBlocks is gone.
struct LineBlock {
  /// Lines with their '\n'; only the last line of the file may lack it. NUL bytes and CR pass through. Lives
  /// as long as `buffer`. Empty when `oversized` is set.
  std::string_view bytes;
  uint64_t offset = 0;                                    ///< of the first byte in the (decompressed) file
  std::optional<OversizedLine> oversized = std::nullopt;  ///< instead of bytes: a line was skipped here
  std::unique_ptr<BlockBuffer> buffer = nullptr;          ///< give it back to next() when the lines are done
};

struct LineBlockOptions {
  size_t block_bytes = 4 << 20;  ///< of a block without a long line; >= 1
  size_t line_bytes_max =
      64 << 20;          ///< longer lines are skipped; a smaller value than block_bytes lowers that one
  ByteRange range = {};  ///< plain regular files: a part that begins and ends at a line (see split_lines)
};

/// Reads one file. Used from one thread; its blocks may be in flight on others. Memory: the buffers in
/// flight, each at most line_bytes_max + 64 bytes and block_bytes when lines are short, and the piece of a
/// line between two blocks.
class LineBlocks {
 public:
  LineBlocks(std::unique_ptr<ByteInput> input, const LineBlockOptions& options);

  /// The next lines, into `buffer` if one is given back, else into a new one. nullopt at the end. From a pipe
  /// it gives what is there and does not wait for a full block. An error of reading comes after the whole
  /// lines before it, once; then the end. The piece of a line in front of an error is dropped, and the
  /// message says so.
  Result<std::optional<LineBlock>> next(std::unique_ptr<BlockBuffer> buffer = nullptr);

 private:
  Result<std::optional<LineBlock>> skip_line(std::unique_ptr<BlockBuffer> buffer, size_t have);
  /// Bytes read to `to`, 0 at the end or at an error, which is kept for later.
  size_t read(char* to, size_t size);
  LineBlock cut(std::unique_ptr<BlockBuffer> buffer, size_t have, size_t whole);

  std::unique_ptr<ByteInput> input_;
  size_t block_bytes_;
  size_t line_bytes_max_;
  std::string carry_;    ///< what was read behind the last newline: less than a line
  uint64_t offset_ = 0;  ///< of the first byte of carry_
  bool ended_ = false;
  std::optional<Error> error_;
};

/// `path` is a file (plain, gzip or zstd by its first bytes), or "-" for the standard input. Errors:
/// open_byte_input's.
Result<std::unique_ptr<LineBlocks>> open_line_blocks(const std::string& path,
                                                     const LineBlockOptions& options = {});

/// Cuts a file into at most `parts` (>= 1) ranges of similar size that begin and end at a line, for parallel
/// readers. One range for what cannot be read in parts: compressed files, pipes, "-"; that one is {} and may
/// be opened as it is. Cost: a read of a few KiB a part. The file's end is the one at this time. Errors:
/// open_byte_input's.
Result<std::vector<ByteRange>> split_lines(const std::string& path, size_t parts);

}  // namespace waybill::source
