// Bytes per second of LineBlocks over a file in the page cache, beside the bare pread loop that it may not
// fall behind and beside a mapping. Every variant must see every byte.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "source/line_blocks.h"

namespace waybill::source {
namespace {

constexpr size_t kLines = 1'000'000;
constexpr size_t kLineBytes = 512;
constexpr size_t kBytes = kLines * kLineBytes;

/// A file of half a gigabyte, made once and gone with the program.
const std::string& file() {
  static const std::string path = [] {
    std::string name = "/tmp/waybill-bench-XXXXXX";
    const FileHandle made(::mkstemp(name.data()));
    std::string line(kLineBytes - 1, 'x'), block;
    line += '\n';
    for (size_t i = 0; i < 1000; ++i) block += line;
    for (size_t i = 0; i < kLines / 1000; ++i)
      if (::write(made.get(), block.data(), block.size()) != static_cast<ssize_t>(block.size())) std::abort();
    std::atexit([] { ::unlink(file().c_str()); });
    return name;
  }();
  return path;
}

void done(benchmark::State& state, size_t bytes) {
  if (bytes != state.iterations() * kBytes) std::abort();
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
  state.SetItemsProcessed(static_cast<int64_t>(bytes / kLineBytes));
}

/// The yardstick: nothing but pread into one buffer.
void BM_Pread(benchmark::State& state) {
  std::vector<char> buffer(static_cast<size_t>(state.range(0)));
  size_t bytes = 0;
  for (auto _ : state) {
    const FileHandle in(::open(file().c_str(), O_RDONLY));
    ssize_t got;
    for (off_t at = 0; (got = ::pread(in.get(), buffer.data(), buffer.size(), at)) > 0; at += got)
      bytes += static_cast<size_t>(got);
  }
  done(state, bytes);
}
BENCHMARK(BM_Pread)->Arg(256 << 10)->Arg(1 << 20)->Arg(4 << 20)->Unit(benchmark::kMillisecond);

/// A mapping of the whole file, each page touched once, with MAP_POPULATE or without.
void BM_Mmap(benchmark::State& state) {
  size_t bytes = 0;
  for (auto _ : state) {
    const FileHandle in(::open(file().c_str(), O_RDONLY));
    const int flags = MAP_PRIVATE | (state.range(0) != 0 ? MAP_POPULATE : 0);
    char* const at = static_cast<char*>(::mmap(nullptr, kBytes, PROT_READ, flags, in.get(), 0));
    if (at == MAP_FAILED) std::abort();
    ::madvise(at, kBytes, MADV_SEQUENTIAL);
    int sum = 0;
    for (size_t i = 0; i < kBytes; i += 4096) sum += at[i];
    benchmark::DoNotOptimize(sum);
    ::munmap(at, kBytes);
    bytes += kBytes;
  }
  done(state, bytes);
}
BENCHMARK(BM_Mmap)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void BM_LineBlocks(benchmark::State& state) {
  size_t bytes = 0;
  for (auto _ : state) {
    auto blocks = open_line_blocks(file(), {.block_bytes = static_cast<size_t>(state.range(0))});
    std::unique_ptr<BlockBuffer> buffer;
    for (;;) {
      auto block = (*blocks)->next(std::move(buffer));
      if (!*block) break;
      bytes += (*block)->bytes.size();
      buffer = std::move((*block)->buffer);
    }
  }
  done(state, bytes);
}
BENCHMARK(BM_LineBlocks)->Arg(256 << 10)->Arg(1 << 20)->Arg(4 << 20)->Unit(benchmark::kMillisecond);

/// Reading and looking at every byte: where the block's place in the cache shows.
template <bool kMapped>
void BM_NewlinesBy(benchmark::State& state) {
  size_t lines = 0;
  const auto count = [&](const char* at, const char* end) {
    while ((at = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)))) != nullptr) {
      ++lines;
      if (++at == end) break;
    }
  };
  for (auto _ : state) {
    if constexpr (kMapped) {
      const FileHandle in(::open(file().c_str(), O_RDONLY));
      char* const at =
          static_cast<char*>(::mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, in.get(), 0));
      count(at, at + kBytes);
      ::munmap(at, kBytes);
    } else {
      auto blocks = open_line_blocks(file(), {.block_bytes = static_cast<size_t>(state.range(0))});
      std::unique_ptr<BlockBuffer> buffer;
      for (;;) {
        auto block = (*blocks)->next(std::move(buffer));
        if (!*block) break;
        count((*block)->bytes.data(), (*block)->bytes.data() + (*block)->bytes.size());
        buffer = std::move((*block)->buffer);
      }
    }
  }
  done(state, lines * kLineBytes);
}
BENCHMARK(BM_NewlinesBy<false>)->Arg(256 << 10)->Arg(1 << 20)->Arg(4 << 20)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NewlinesBy<true>)->Arg(0)->Unit(benchmark::kMillisecond);

/// Two readers of two halves, as a command with two workers reads.
void BM_TwoRanges(benchmark::State& state) {
  std::atomic<size_t> bytes{0};
  for (auto _ : state) {
    auto ranges = split_lines(file(), 2);
    std::vector<std::thread> readers;
    for (const ByteRange& range : *ranges)
      readers.emplace_back([&bytes, range] {
        auto blocks = open_line_blocks(file(), {.range = range});
        std::unique_ptr<BlockBuffer> buffer;
        while (auto block = *(*blocks)->next(std::move(buffer))) {
          bytes += block->bytes.size();
          buffer = std::move(block->buffer);
        }
      });
    for (std::thread& reader : readers) reader.join();
  }
  done(state, bytes);
}
BENCHMARK(BM_TwoRanges)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace waybill::source
