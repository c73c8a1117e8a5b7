#include "source/byte_input.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "source/inflate_input.h"

namespace waybill::source {
namespace {

/// Largest single read; the kernel caps it near 2 GiB anyway.
constexpr size_t kReadBytesMax = 1 << 30;

/// A regular file, by pread.
class FileInput final : public ByteInput {
 public:
  FileInput(FileHandle file, std::string name, ByteRange range)
      : file_(std::move(file)), name_(std::move(name)), range_(range) {}

  Result<size_t> read(char* to, size_t size) override {
    size = static_cast<size_t>(std::min<uint64_t>({size, range_.end - range_.begin, kReadBytesMax}));
    if (size == 0) return 0;
    ssize_t got;
    do {
      got = ::pread(file_.get(), to, size, static_cast<off_t>(range_.begin));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return tl::make_unexpected(file_error(name_, "reading", errno));
    range_.begin += static_cast<uint64_t>(got);
    return static_cast<size_t>(got);
  }

 private:
  FileHandle file_;
  std::string name_;
  ByteRange range_;  ///< what is left to read
};

/// A pipe, terminal or socket. `head` was read before its kind was known and comes first.
class StreamInput final : public ByteInput {
 public:
  StreamInput(FileHandle file, std::string name, std::string head)
      : file_(std::move(file)), name_(std::move(name)), head_(std::move(head)) {}

  Result<size_t> read(char* to, size_t size) override {
    if (head_at_ < head_.size()) {
      size = std::min(size, head_.size() - head_at_);
      std::memcpy(to, head_.data() + head_at_, size);
      head_at_ += size;
      return size;
    }
    ssize_t got;
    do {
      got = ::read(file_.get(), to, std::min(size, kReadBytesMax));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return tl::make_unexpected(file_error(name_, "reading", errno));
    return static_cast<size_t>(got);
  }

  bool ready() const override {
    if (head_at_ < head_.size()) return true;
    pollfd wait{file_.get(), POLLIN, 0};
    return ::poll(&wait, 1, 0) != 0;
  }

 private:
  FileHandle file_;
  std::string name_;
  std::string head_;
  size_t head_at_ = 0;
};

/// Reads until `size` bytes or the end.
Result<std::string> read_head(int fd, std::string_view name, bool regular, size_t size) {
  std::string head(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t got = regular ? ::pread(fd, head.data() + have, size - have, static_cast<off_t>(have))
                                : ::read(fd, head.data() + have, size - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::make_unexpected(file_error(name, "reading", errno));
    if (got == 0) break;
    have += static_cast<size_t>(got);
    if (head[0] != '\x1f' && head[0] != '\x28' && (head[0] & 0xf0) != 0x50)
      break;  // no magic begins like this
  }
  head.resize(have);
  return head;
}

}  // namespace

Compression compression_of(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1f\x8b")) return Compression::kGzip;
  if (first_bytes.size() < 4) return Compression::kNone;
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd")) return Compression::kZstd;
  const bool skippable =
      (static_cast<uint8_t>(first_bytes[0]) & 0xf0) == 0x50;  // a frame of zstd without content
  return skippable && first_bytes.substr(1, 3) == "\x2a\x4d\x18" ? Compression::kZstd : Compression::kNone;
}

Error file_error(std::string_view path, std::string_view what, int error_number) {
  Errc code = Errc::kUnavailable;
  if (error_number == ENOENT || error_number == ENOTDIR) code = Errc::kNotFound;
  if (error_number == EACCES || error_number == EPERM) code = Errc::kDenied;
  if (error_number == EISDIR || error_number == ENAMETOOLONG || error_number == ELOOP) code = Errc::kInvalid;
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EMFILE || error_number == ENFILE)
    code = Errc::kLimit;
  return Error{code, std::string(path) + ": " + std::string(what) + ": " + std::strerror(error_number)};
}

Result<FileHandle> open_for_reading(const std::string& path) {
  int fd;
  do {
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return tl::make_unexpected(file_error(path, "opening", errno));
  return FileHandle(fd);
}

Result<std::unique_ptr<ByteInput>> make_byte_input(FileHandle file, std::string name, ByteRange range) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return tl::make_unexpected(file_error(name, "opening", errno));
  if (S_ISDIR(status.st_mode)) return tl::make_unexpected(file_error(name, "opening", EISDIR));
  const bool regular = S_ISREG(status.st_mode);
  const bool whole = range.begin == 0 && range.end == ByteRange{}.end;
  auto head = read_head(file.get(), name, regular, 4);
  if (!head) return tl::make_unexpected(std::move(head).error());
  const Compression compression = compression_of(*head);
  if (!whole && (!regular || compression != Compression::kNone))
    return fail(Errc::kInvalid, name + ": only a plain file can be read in parts");
  std::unique_ptr<ByteInput> input;
  if (regular) {
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    input = std::make_unique<FileInput>(std::move(file), name, range);
  } else {
    input = std::make_unique<StreamInput>(std::move(file), name, *std::move(head));
  }
  if (compression == Compression::kGzip) return make_gzip_input(std::move(input), std::move(name));
  if (compression == Compression::kZstd) return make_zstd_input(std::move(input), std::move(name));
  return input;
}

Result<std::unique_ptr<ByteInput>> open_byte_input(const std::string& path, ByteRange range) {
  if (path == "-") {
    const int fd = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) return tl::make_unexpected(file_error("standard input", "opening", errno));
    return make_byte_input(FileHandle(fd), "standard input", range);
  }
  auto file = open_for_reading(path);
  if (!file) return tl::make_unexpected(std::move(file).error());
  return make_byte_input(*std::move(file), path, range);
}

}  // namespace waybill::source
