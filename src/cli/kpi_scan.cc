#include "cli/kpi_scan.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "kpi/line_reader.h"
#include "source/line_blocks.h"

namespace waybill::cli {
namespace {

constexpr size_t kBlockBytes = 1 << 20;
constexpr uint64_t kAheadMax = 64;  // blocks scanned before an earlier one that is slow

}  // namespace

struct BlockScanner::Impl {
  explicit Impl(const std::shared_ptr<const kpi::Program>& program) : reader(program), scanner(program) {}
  kpi::LineReader reader;
  kpi::Scanner scanner;
};

BlockScanner::BlockScanner(std::shared_ptr<const kpi::Program> program)
    : impl_(std::make_unique<Impl>(std::move(program))) {}
BlockScanner::~BlockScanner() = default;

kpi::Partial BlockScanner::scan(std::string_view bytes, int64_t now_ms) {
  impl_->scanner.begin(now_ms);
  impl_->reader.read(bytes, impl_->scanner, nullptr);
  return impl_->scanner.take();
}

kpi::Partial BlockScanner::oversized(int64_t now_ms) {
  impl_->scanner.begin(now_ms);
  impl_->scanner.bad_line(kpi::Reason::kTooLong, 0, "");
  return impl_->scanner.take();
}

namespace {

/// One file, read by several threads: blocks are taken in order, scanned side by side, and applied in order.
class FileScan {
 public:
  FileScan(source::LineBlocks& blocks, kpi::Book& book, const KpiScanOptions& options)
      : blocks_(blocks), book_(book), options_(options) {}

  /// A thread's part. `scanner` is its own.
  void work(BlockScanner& scanner) {
    std::unique_ptr<source::BlockBuffer> buffer;
    for (;;) {
      auto taken = take(std::move(buffer));
      if (!taken) return;
      kpi::Partial partial = taken->block.oversized ? scanner.oversized(options_.now_ms)
                                                    : scanner.scan(taken->block.bytes, options_.now_ms);
      buffer = std::move(taken->block.buffer);
      apply(taken->number, std::move(partial));
    }
  }
  std::optional<Error> error() && { return std::move(error_); }

 private:
  struct Taken {
    uint64_t number;
    source::LineBlock block;
  };

  std::optional<Taken> take(std::unique_ptr<source::BlockBuffer> buffer) {
    std::lock_guard lock(read_mutex_);
    if (ended_ || (options_.stopped && options_.stopped())) return std::nullopt;
    auto block = blocks_.next(std::move(buffer));
    if (!block) error_ = std::move(block.error());
    if (!block || !*block) {
      ended_ = true;
      return std::nullopt;
    }
    return Taken{next_++, std::move(**block)};
  }

  void apply(uint64_t number, kpi::Partial partial) {
    std::unique_lock lock(apply_mutex_);
    applied_changed_.wait(lock, [&] { return number < applied_ + kAheadMax; });
    waiting_.emplace(number, std::move(partial));
    for (auto it = waiting_.begin(); it != waiting_.end() && it->first == applied_; it = waiting_.erase(it)) {
      book_.apply(std::move(it->second), book_.lines() + 1);
      ++applied_;
    }
    applied_changed_.notify_all();
  }

  source::LineBlocks& blocks_;
  kpi::Book& book_;
  const KpiScanOptions& options_;
  std::mutex read_mutex_;
  bool ended_ = false;
  uint64_t next_ = 0;
  std::optional<Error> error_;
  std::mutex apply_mutex_;
  std::condition_variable applied_changed_;
  uint64_t applied_ = 0;
  std::map<uint64_t, kpi::Partial> waiting_;
};

}  // namespace

std::vector<Error> scan_files(kpi::Book& book, const std::shared_ptr<const kpi::Program>& program,
                              const KpiScanOptions& options) {
  std::vector<std::unique_ptr<BlockScanner>> scanners;
  for (int i = 0; i < std::max(1, options.threads); ++i)
    scanners.push_back(std::make_unique<BlockScanner>(program));
  std::vector<Error> errors;
  for (size_t i = 0; i < options.files.size(); ++i) {
    if (options.stopped && options.stopped()) break;
    if (i > 0) book.next_input();
    auto blocks = source::open_line_blocks(options.files[i], {.block_bytes = kBlockBytes});
    if (!blocks) {
      errors.push_back(std::move(blocks.error()));
      continue;
    }
    FileScan scan(**blocks, book, options);
    std::vector<std::jthread> threads;
    for (size_t t = 1; t < scanners.size(); ++t)
      threads.emplace_back([&scan, scanner = scanners[t].get()] { scan.work(*scanner); });
    scan.work(*scanners[0]);
    threads.clear();
    if (auto error = std::move(scan).error()) errors.push_back(std::move(*error));
  }
  return errors;
}

}  // namespace waybill::cli
