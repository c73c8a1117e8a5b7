// What `waybill ledger FILE... --follow` reads: files as they grow, or a pipe.

#include <algorithm>
#include <map>
#include <thread>

#include "cli/ledger_follow.h"
#include "cli/logger.h"
#include "source/byte_input.h"
#include "source/file_follower.h"

namespace waybill::cli {
namespace {

constexpr size_t kLineBytesMax = 16 << 20;

/// Everything is read, and time is the clock's: lines carry none of their own that one could trust.
flow::Watermark live() { return {INT64_MIN, true}; }

class FilesFeed final : public LedgerFeed {
 public:
  static Result<std::unique_ptr<LedgerFeed>> open(const std::vector<std::string>& files) {
    source::FollowOptions options;
    options.paths = files;
    options.record.record_bytes_max = kLineBytesMax;
    auto follower = source::FileFollower::make(std::move(options), {}, system_clock(),
                                               make_log({.level = LogLevel::kWarn}, system_clock()));
    if (!follower) return tl::make_unexpected(std::move(follower.error()));
    auto feed = std::make_unique<FilesFeed>();
    feed->follower_ = std::move(*follower);
    return feed;
  }

  Result<flow::Batch> poll(Millis wait) override {
    const flow::FileBatch found = follower_->poll(wait);
    if (found.file == 0) return flow::Batch{};
    records_.clear();
    for (const flow::FileRecord& line : found.records) {
      flow::Record record;
      record.offset = Offset(static_cast<int64_t>(line.offset));
      record.has_value = true;
      record.value = line.text;
      records_.push_back(record);
    }
    return flow::Batch{
        {"", path_of(found.file), PartitionId(0)}, records_, Offset(static_cast<int64_t>(found.next))};
  }

  flow::Watermark watermark(Now) override { return live(); }

  uint64_t take_oversized() override {
    const uint64_t all = follower_->health().oversized;
    return all - std::exchange(oversized_, all);
  }

 private:
  const std::string& path_of(uint64_t file) {
    auto known = paths_.find(file);
    if (known != paths_.end()) return known->second;
    for (flow::FollowedFile& each : follower_->files()) paths_[each.id] = std::move(each.path);
    return paths_[file];
  }

  std::unique_ptr<flow::FileFeed> follower_;
  std::map<uint64_t, std::string> paths_;  ///< as they were first seen
  std::vector<flow::Record> records_;
  uint64_t oversized_ = 0;
};

class PipeFeed final : public LedgerFeed {
 public:
  explicit PipeFeed(std::unique_ptr<source::ByteInput> input) : input_(std::move(input)) {}

  Result<flow::Batch> poll(Millis wait) override {
    if (ended_) return fail(Errc::kNotFound, "the standard input has ended");
    bytes_.erase(0, used_);
    used_ = 0;
    records_.clear();
    if (!input_->ready() && !wait_until_ready(wait)) return flow::Batch{};
    constexpr size_t kReadBytes = 256 << 10;
    const size_t have = bytes_.size();
    bytes_.resize(have + kReadBytes);
    auto size = input_->read(bytes_.data() + have, kReadBytes);
    bytes_.resize(have + (size ? *size : 0));
    if (!size) return tl::make_unexpected(std::move(size.error()));
    ended_ = *size == 0;
    cut();
    return flow::Batch{{"", "-", PartitionId(0)}, records_, Offset(offset_)};
  }

  flow::Watermark watermark(Now) override { return live(); }
  uint64_t take_oversized() override { return std::exchange(oversized_, 0); }

 private:
  bool wait_until_ready(Millis wait) {
    constexpr Millis kStep{10};
    for (Millis waited{0}; waited < wait; waited += kStep) {
      std::this_thread::sleep_for(kStep);
      if (input_->ready()) return true;
    }
    return false;
  }

  /// Whole lines become records; at the end what is left is one.
  void cut() {
    for (;;) {
      size_t end = bytes_.find('\n', used_);
      if (end == std::string::npos && ended_ && used_ < bytes_.size()) end = bytes_.size();
      if (end == std::string::npos) break;
      add({bytes_.data() + used_, end - used_});
      const size_t next = std::min(end + 1, bytes_.size());
      offset_ += static_cast<int64_t>(next - used_);
      used_ = next;
    }
    if (bytes_.size() - used_ <= kLineBytesMax) return;
    skipping_ = true;  // the rest of this line too, up to its end
    offset_ += static_cast<int64_t>(bytes_.size() - used_);
    used_ = bytes_.size();
  }

  void add(std::string_view line) {
    if (std::exchange(skipping_, false) || line.size() > kLineBytesMax) {
      ++oversized_;
      return;
    }
    flow::Record record;
    record.offset = Offset(offset_);
    record.has_value = true;
    record.value = line;
    records_.push_back(record);
  }

  std::unique_ptr<source::ByteInput> input_;
  std::string bytes_{};  ///< from `used_` on: the piece of a line
  size_t used_ = 0;
  int64_t offset_ = 0;  ///< of bytes_[used_]
  bool skipping_ = false;
  bool ended_ = false;
  uint64_t oversized_ = 0;
  std::vector<flow::Record> records_{};
};

}  // namespace

Result<std::unique_ptr<LedgerFeed>> follow_ledger_files(const std::vector<std::string>& files) {
  const bool pipe = std::find(files.begin(), files.end(), "-") != files.end();
  if (!pipe) return FilesFeed::open(files);
  if (files.size() > 1) return fail(Errc::kInvalid, "--follow reads - alone, or files");
  auto input = source::open_byte_input("-");
  if (!input) return tl::make_unexpected(std::move(input.error()));
  return std::make_unique<PipeFeed>(std::move(*input));
}

}  // namespace waybill::cli
