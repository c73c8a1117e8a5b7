#include "source/stdin_feed.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "base/assert.h"
#include "base/types.h"
#include "source/byte_input.h"

namespace waybill::source {
namespace {

constexpr size_t kReadBytes = 1 << 20;

RecordCutter line_cutter(size_t line_bytes_max) {
  auto cutter = RecordCutter::make({.record_bytes_max = line_bytes_max, .start = {}});
  ASSERT(cutter.has_value());  // without a pattern nothing can be refused
  return *std::move(cutter);
}

}  // namespace

StdinFeed::StdinFeed(FileHandle fd, std::string name, size_t line_bytes_max, const Clock& clock, LogFn log)
    : fd_(std::move(fd)), cutter_(line_cutter(line_bytes_max)), log_(std::move(log)) {
  const Id128 random = Id128::random();
  std::memcpy(&file_.id, random.bytes.data(), sizeof file_.id);
  file_.id |= 1;  // 0 stands for none
  file_.path = std::move(name);
  file_.seen_ms = clock.now().wall_ms;
  health_.files = 1;
}

flow::FileBatch StdinFeed::poll(Millis wait) {
  bytes_.erase(0, used_);
  used_ = 0;
  flow::FileBatch batch = cut();  // what the last block held over
  if (batch.file != 0) return batch;
  if (read(wait)) return cut();
  return {};
}

/// True when something came, or the end did.
bool StdinFeed::read(Millis wait) {
  if (ended_) {
    std::this_thread::sleep_for(wait);
    return false;
  }
  pollfd ready{fd_.get(), POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(wait.count())) <= 0) return false;
  const size_t have = bytes_.size();
  bytes_.resize(have + kReadBytes);
  const ssize_t got = ::read(fd_.get(), bytes_.data() + have, kReadBytes);
  bytes_.resize(have + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  if (got > 0) return true;
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (got < 0) {
    ++health_.unreadable;
    log_(LogLevel::kError, file_error(file_.path, "reading", errno).message);
  }
  ended_ = true;
  log_(LogLevel::kInfo, "the standard input has ended");
  return true;
}

flow::FileBatch StdinFeed::cut() {
  using Behind = RecordCutter::Behind;
  flow::FileBatch batch;
  const uint64_t before = file_.next;
  if (skipping_) {
    size_t end = bytes_.find('\n', used_);
    size_t passed = (end == std::string::npos ? bytes_.size() : end + 1) - used_;
    skipped_bytes_ += passed;
    used_ += passed;
    file_.next += passed;
    if (end == std::string::npos && !ended_) return {};
    skipping_ = false;
    batch.oversized = 1;
  }
  std::string_view rest = std::string_view(bytes_).substr(used_);
  records_.clear();
  const Behind behind = ended_                                          ? Behind::kEnd
                        : rest.size() >= cutter_.record_bytes_max() + 2 ? Behind::kMore
                                                                        : Behind::kNothingYet;
  const RecordCutter::Cut done = cutter_.cut(rest, file_.next, behind, records_);
  batch.oversized += done.skipped.size();
  used_ += done.used;
  file_.next += done.used;
  if (done.endless) {
    skipping_ = true;
    skipped_bytes_ = rest.size() - done.used;
    used_ += skipped_bytes_;
    file_.next += skipped_bytes_;
  }
  health_.oversized += batch.oversized;
  if (batch.oversized > 0)
    log_(LogLevel::kWarn, file_.path + ": a line that ends before byte " + std::to_string(file_.next) +
                              " is over the limit of " + std::to_string(cutter_.record_bytes_max()) +
                              " and was skipped");
  if (file_.next == before && batch.oversized == 0) return {};
  batch.file = file_.id;
  batch.records = records_;
  batch.next = file_.next;
  return batch;
}

Result<FileHandle> open_standard_input() {
  const int fd = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  if (fd < 0) return tl::make_unexpected(file_error("standard input", "opening", errno));
  return FileHandle(fd);
}

}  // namespace waybill::source
