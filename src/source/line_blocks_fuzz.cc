// Any bytes as a file: plain ones give the lines that the model sees; packed ones end, in bounded memory,
// with lines or an error.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "source/line_blocks_harness.h"

namespace waybill::source {
namespace {

/// Bombs are cut here: a fuzz run wants many inputs, not long ones.
constexpr size_t kOutputBytesMax = 8 << 20;

void run(std::string_view bytes, const LineBlockOptions& options) {
  FileHandle file(::memfd_create("fuzz", MFD_CLOEXEC));
  if (!file || ::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    std::abort();
  auto input = make_byte_input(std::move(file), "fuzz");
  if (!input) return;
  LineBlocks blocks(*std::move(input), options);
  std::vector<harness::Line> lines;
  size_t errors = 0, size = 0;
  std::unique_ptr<BlockBuffer> buffer;
  while (size < kOutputBytesMax) {
    auto block = blocks.next(std::move(buffer));
    if (!block) {
      if (++errors > 1) std::abort();
      continue;
    }
    if (!*block) break;
    if (!harness::append_lines(**block, lines)) std::abort();
    size += (*block)->bytes.size();
    buffer = std::move((*block)->buffer);
  }
  const bool plain = compression_of(bytes.substr(0, 4)) == Compression::kNone;
  if (plain && (errors > 0 || lines != harness::plain_lines(bytes, options.line_bytes_max))) std::abort();
}

}  // namespace
}  // namespace waybill::source

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  waybill::source::run(bytes, {.block_bytes = size_t{1} + data[0], .line_bytes_max = size_t{data[1]} * 4});
  return 0;
}
