#pragma once
// The bytes of a file from front to back, whether it is plain, gzip (RFC 1952) or Zstandard (RFC 8878).

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "source/file_handle.h"

namespace waybill::source {

enum class Compression : uint8_t { kNone, kGzip, kZstd };

/// What the first bytes say (4 decide; fewer are plain unless they are gzip's two). The file's name plays no
/// part.
Compression compression_of(std::string_view first_bytes);

/// Bytes [begin, end) of a plain file.
struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = std::numeric_limits<uint64_t>::max();
};

/// A stream of bytes. Used from one thread.
class ByteInput {
 public:
  virtual ~ByteInput() = default;
  /// Up to `size` bytes; 0 at the end. A compressed file that ends early or is damaged gives what could be
  /// read and then kTruncated or kCorrupt, with the path and the place. Several gzip members or zstd frames
  /// are one stream, as gzip and zstd read them; zeros behind the last gzip member are ignored.
  virtual Result<size_t> read(char* to, size_t size) = 0;
  /// False when read() would wait for another process (pipe, terminal). Files are always ready.
  virtual bool ready() const { return true; }
};

/// Opens `path`, or the standard input for "-". A range other than the whole needs a plain regular file
/// (kInvalid). Errors: kNotFound, kDenied, kInvalid (a directory), kUnavailable; all with the path.
Result<std::unique_ptr<ByteInput>> open_byte_input(const std::string& path, ByteRange range = {});

/// The same over a descriptor, which is taken over. Regular files are read with pread from `range.begin`, so
/// the descriptor's own position plays no part. `name` is for messages.
Result<std::unique_ptr<ByteInput>> make_byte_input(FileHandle file, std::string name, ByteRange range = {});

/// Opens for reading, without waiting for a pipe's writer when that is not asked for and without becoming the
/// terminal's process. Errors like open_byte_input.
Result<FileHandle> open_for_reading(const std::string& path);

/// "PATH: what: No such file or directory", with the code that fits `error_number`.
Error file_error(std::string_view path, std::string_view what, int error_number);

}  // namespace waybill::source
