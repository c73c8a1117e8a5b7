#include "source/inflate_input.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace waybill::source {
namespace {

constexpr size_t kCompressedBytes = 256 << 10;

/// Compressed bytes read ahead, and how many there were before them (the place for messages).
struct ReadAhead {
  explicit ReadAhead(std::unique_ptr<ByteInput> input) : from(std::move(input)), bytes(kCompressedBytes) {}

  /// Reads more when all are used. False at the end.
  Result<bool> fill() {
    if (at < size) return true;
    before += size;
    at = size = 0;
    auto got = from->read(bytes.data(), bytes.size());
    if (!got) return tl::make_unexpected(std::move(got).error());
    size = *got;
    return size > 0;
  }
  std::string place() const { return "byte " + std::to_string(before + at) + " of the compressed file"; }

  std::unique_ptr<ByteInput> from;
  std::vector<char> bytes;
  size_t at = 0;
  size_t size = 0;
  uint64_t before = 0;
};

class GzipInput final : public ByteInput {
 public:
  GzipInput(std::unique_ptr<ByteInput> compressed, std::string name)
      : in_(std::move(compressed)), name_(std::move(name)) {}
  ~GzipInput() override {
    if (open_) inflateEnd(&stream_);
  }
  bool open() { return open_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }  // 16: a gzip header, not zlib's

  Result<size_t> read(char* to, size_t size) override {
    size_t made = 0;
    while (made == 0 && size > 0) {
      auto more = in_.fill();
      if (!more) return tl::make_unexpected(std::move(more).error());
      if (!*more) {
        if (!inside_) return 0;
        return fail(Errc::kTruncated, name_ + ": the gzip stream ends early, at " + in_.place());
      }
      if (!inside_ && !begin_member()) continue;
      auto got = step(to, size);
      if (!got) return got;
      made = *got;
    }
    return made;
  }
  bool ready() const override { return in_.at < in_.size || in_.from->ready(); }

 private:
  /// At the first byte of a member, or of what stands behind the last one. False: a zero was skipped.
  bool begin_member() {
    if (members_ > 0 && in_.bytes[in_.at] == '\0') {
      ++in_.at;
      return false;
    }
    inflateReset(&stream_);
    inside_ = true;
    ++members_;
    return true;
  }

  Result<size_t> step(char* to, size_t size) {
    const uInt room = static_cast<uInt>(std::min<size_t>(size, std::numeric_limits<uInt>::max()));
    stream_.next_in = reinterpret_cast<Bytef*>(in_.bytes.data() + in_.at);
    stream_.avail_in = static_cast<uInt>(in_.size - in_.at);
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = room;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    in_.at = in_.size - stream_.avail_in;
    const size_t made = room - stream_.avail_out;
    if (code == Z_STREAM_END) {
      inside_ = false;
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      if (made > 0) return made;  // the next call fails the same way with nothing made
      return fail(Errc::kCorrupt, name_ + ": damaged gzip at " + in_.place() + ": " +
                                      (stream_.msg != nullptr ? stream_.msg : "inflate failed"));
    }
    return made;
  }

  ReadAhead in_;
  std::string name_;
  z_stream stream_{};
  bool open_ = false;
  bool inside_ = false;  ///< a member has begun and not ended
  uint64_t members_ = 0;
};

class ZstdInput final : public ByteInput {
 public:
  ZstdInput(std::unique_ptr<ByteInput> compressed, std::string name)
      : in_(std::move(compressed)), name_(std::move(name)), context_(ZSTD_createDCtx()) {}
  ~ZstdInput() override { ZSTD_freeDCtx(context_); }
  bool open() const { return context_ != nullptr; }

  Result<size_t> read(char* to, size_t size) override {
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos == 0 && size > 0) {
      auto more = in_.fill();
      if (!more) return tl::make_unexpected(std::move(more).error());
      if (!*more && !held_) {
        if (!inside_) return 0;
        return fail(Errc::kTruncated, name_ + ": the zstd stream ends early, at " + in_.place());
      }
      ZSTD_inBuffer in{in_.bytes.data(), in_.size, in_.at};
      const size_t code = ZSTD_decompressStream(context_, &out, &in);
      in_.at = in.pos;
      if (ZSTD_isError(code)) {
        const bool large = ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge;
        return fail(large ? Errc::kUnsupported : Errc::kCorrupt,
                    name_ + ": damaged zstd at " + in_.place() + ": " + ZSTD_getErrorName(code));
      }
      inside_ = code != 0;
      held_ = out.pos == out.size;  // more output may wait inside the decoder
    }
    return out.pos;
  }
  bool ready() const override { return held_ || in_.at < in_.size || in_.from->ready(); }

 private:
  ReadAhead in_;
  std::string name_;
  ZSTD_DCtx* context_;
  bool inside_ = false;
  bool held_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteInput>> make_gzip_input(std::unique_ptr<ByteInput> compressed, std::string name) {
  auto input = std::make_unique<GzipInput>(std::move(compressed), std::move(name));
  if (!input->open()) return fail(Errc::kLimit, "no memory to decompress");
  return input;
}

Result<std::unique_ptr<ByteInput>> make_zstd_input(std::unique_ptr<ByteInput> compressed, std::string name) {
  auto input = std::make_unique<ZstdInput>(std::move(compressed), std::move(name));
  if (!input->open()) return fail(Errc::kLimit, "no memory to decompress");
  return input;
}

}  // namespace waybill::source
