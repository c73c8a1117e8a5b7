// Reading what the followed files hold. Which files there are: file_follower_look.cc.
#include "source/file_follower.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "source/file_tail.h"

namespace waybill::source {

using Behind = RecordCutter::Behind;

namespace {

constexpr int64_t kRetryPackedMs = 5'000;  ///< a compressed file may still be written

ssize_t pread_all(int fd, char* to, size_t size, uint64_t at) {
  size_t have = 0;
  while (have < size) {
    const ssize_t got = ::pread(fd, to + have, size - have, static_cast<off_t>(at + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return have > 0 ? static_cast<ssize_t>(have) : got;
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  return static_cast<ssize_t>(have);
}

}  // namespace

Result<std::unique_ptr<FileFollower>> FileFollower::make(FollowOptions options,
                                                         std::vector<flow::FollowedFile> known,
                                                         const Clock& clock, LogFn log) {
  auto cutter = RecordCutter::make(options.record);
  if (!cutter) return tl::make_unexpected(std::move(cutter).error());
  return std::unique_ptr<FileFollower>(
      new FileFollower(std::move(options), *std::move(cutter), std::move(known), clock, std::move(log)));
}

FileFollower::FileFollower(FollowOptions options, RecordCutter cutter, std::vector<flow::FollowedFile> known,
                           const Clock& clock, LogFn log)
    : options_(std::move(options)),
      cutter_(std::move(cutter)),
      clock_(clock),
      log_(std::move(log)),
      watch_(options_.inotify),
      block_(std::max(options_.block_bytes, cutter_.record_bytes_max() + 2)),
      fresh_(known.empty()) {
  const Now now = clock_.now();
  for (flow::FollowedFile& file : known) {
    const int64_t seen_ms = file.finished ? file.seen_ms : now.wall_ms;
    remember(std::move(file), {seen_ms, now.steady_ms});
  }
}

FileFollower::~FileFollower() = default;

flow::FileBatch FileFollower::poll(Millis wait) {
  Now now = clock_.now();
  for (bool waited = false;; waited = true) {
    if (now.steady_ms >= next_look_ms_) look(now);
    const int64_t until_look = std::max<int64_t>(0, next_look_ms_ - now.steady_ms);
    const bool idle = ready_.empty();
    if (idle && waited) return {};
    take_changes(idle ? std::min(wait, Millis(until_look)) : Millis(0), now);
    for (size_t turns = ready_.size(); turns > 0 && !ready_.empty(); --turns) {
      const Inode inode = ready_.front();
      ready_.pop_front();
      auto found = tails_.find(inode);
      if (found == tails_.end()) continue;
      found->second->ready = false;
      flow::FileBatch batch;
      if (read_turn(*found->second, now, batch)) return batch;
    }
    now = clock_.now();
  }
}

void FileFollower::mark(Tail& tail) {
  if (std::exchange(tail.ready, true)) return;
  ready_.emplace_back(tail.file.device, tail.file.inode);
}

void FileFollower::take_changes(Millis wait, Now now) {
  const DirWatch::Changes changes = watch_.take(wait);
  for (const std::string& path : changes.written)
    if (auto found = by_path_.find(path); found != by_path_.end()) mark(*found->second);
  if (changes.overflow) {
    for (auto& [inode, tail] : tails_) mark(*tail);
    next_look_ms_ = now.steady_ms;
  }
  if (changes.names) next_look_ms_ = std::min(next_look_ms_, now.steady_ms + 50);
}

Behind FileFollower::behind(const Tail& tail, Now now) const {
  if (tail.gone_ms >= 0 &&
      now.steady_ms - std::max(tail.gone_ms, tail.grown_ms) >= options_.finish_after.count())
    return Behind::kEnd;
  return now.steady_ms - tail.grown_ms >= options_.quiet_after.count() ? Behind::kQuiet : Behind::kNothingYet;
}

bool FileFollower::read_turn(Tail& tail, Now now, flow::FileBatch& batch) {
  const uint64_t before = tail.file.next, skipped = health_.oversized;
  batch.file = tail.file.id;
  const bool records = tail.packed ? read_packed(tail, now, batch) : read_plain(tail, now, batch);
  batch.oversized = health_.oversized - skipped;
  return records || batch.oversized > 0 || (batch.next != 0 && batch.next != before);  // `tail` may be gone
}

/// Cuts `bytes`, which begin at the file's next; returns how many are used.
size_t FileFollower::take_records(Tail& tail, std::string_view bytes, Behind what, flow::FileBatch& batch) {
  records_.clear();
  const RecordCutter::Cut cut = cutter_.cut(bytes, tail.file.next, what, records_);
  for (const RecordCutter::Skipped& line : cut.skipped) note_oversized(tail, line.offset, line.size);
  tail.file.next += cut.used;
  if (cut.endless) {
    tail.skipping = true;
    tail.skip_at = tail.file.next + bytes.size() - cut.used;
  }
  batch.records = records_;
  batch.next = tail.file.next;
  return cut.used;
}

/// Looks for the end of the line that is being skipped; `bytes` begin at skip_at. True when it was there.
bool FileFollower::skip_endless(Tail& tail, std::string_view bytes, size_t& used) {
  const void* newline = bytes.empty() ? nullptr : std::memchr(bytes.data(), '\n', bytes.size());
  used = newline == nullptr ? bytes.size()
                            : static_cast<size_t>(static_cast<const char*>(newline) - bytes.data()) + 1;
  tail.skip_at += used;
  if (newline == nullptr) return false;
  note_oversized(tail, tail.file.next, tail.skip_at - 1 - tail.file.next);
  tail.file.next = tail.skip_at;
  tail.skipping = false;
  return true;
}

/// REQUIRES: `head` begins as the file did.
void FileFollower::note_head(Tail& tail, const FileHead& head) {
  if (head.bytes.size() <= tail.file.prefix_bytes) return;
  // Stored with too few first bytes, the file would be another one to the next process.
  if (tail.file.prefix_bytes < kCopyPrefixBytes) ++ids_given_;
  tail.file.prefix_bytes = static_cast<uint32_t>(head.bytes.size());
  tail.file.prefix_hash = prefix_hash(head.bytes);
}

bool FileFollower::read_plain(Tail& tail, Now now, flow::FileBatch& batch) {
  auto head = read_head(tail.fd.get(), tail.file.path);
  if (!head) {
    note_unreadable(head.error().message);
    return false;
  }
  if (head->size < std::max(tail.file.next, tail.skipping ? tail.skip_at : 0) ||
      !same_prefix(*head, tail.file)) {
    restart_cut(tail, *head, now);
    return false;
  }
  note_head(tail, *head);
  if (head->size != tail.size) tail.grown_ms = now.steady_ms;
  tail.size = head->size;
  const uint64_t at = tail.skipping ? tail.skip_at : tail.file.next;
  const ssize_t got = pread_all(tail.fd.get(), block_.data(), block_.size(), at);
  if (got < 0) {
    note_unreadable(file_error(tail.file.path, "reading", errno).message);
    return false;
  }
  const std::string_view bytes(block_.data(), static_cast<size_t>(got));
  const Behind what = bytes.size() == block_.size() ? Behind::kMore : behind(tail, now);
  if (what == Behind::kMore) mark(tail);
  if (tail.skipping) {
    size_t used = 0;
    if (skip_endless(tail, bytes, used)) mark(tail);
    if (tail.skipping && what == Behind::kEnd) {
      note_oversized(tail, tail.file.next, tail.skip_at - tail.file.next);
      tail.file.next = tail.skip_at;
      tail.skipping = false;
    }
    batch.next = tail.file.next;
    if (what != Behind::kEnd || tail.ready) return false;
  } else {
    take_records(tail, bytes, what, batch);
    if (tail.skipping) mark(tail);
  }
  if (what == Behind::kEnd && !tail.skipping) finish(tail, now);
  return !batch.records.empty();
}

bool FileFollower::read_packed(Tail& tail, Now now, flow::FileBatch& batch) {
  const auto failed = [&](const Error& error) {
    note_unreadable(error.message);
    tail.input.reset();
    if (error.code == Errc::kCorrupt || error.code == Errc::kUnsupported) {
      drop(tail, now);
    } else {
      tail.retry_ms = now.steady_ms + kRetryPackedMs;
    }
    return false;
  };
  if (tail.input == nullptr) {
    if (now.steady_ms < tail.retry_ms) return false;
    auto input = open_byte_input(tail.file.path);
    if (!input) return failed(input.error());
    tail.input = *std::move(input);
    tail.carry.clear();
    tail.skipping = false;
    for (uint64_t left = tail.file.next; left > 0;) {
      auto got =
          tail.input->read(block_.data(), static_cast<size_t>(std::min<uint64_t>(left, block_.size())));
      if (!got) return failed(got.error());
      if (*got == 0)
        return failed({Errc::kCorrupt, tail.file.path + ": shorter than what was read of its plain file"});
      left -= *got;
    }
  }
  size_t have = tail.carry.size();
  std::memcpy(block_.data(), tail.carry.data(), have);
  bool ended = false;
  while (have < block_.size() && !ended) {
    auto got = tail.input->read(block_.data() + have, block_.size() - have);
    if (!got) return failed(got.error());
    ended = *got == 0;
    have += *got;
  }
  std::string_view bytes(block_.data(), have);
  if (tail.skipping) {
    size_t used = 0;
    skip_endless(tail, bytes, used);
    bytes.remove_prefix(used);
    if (ended && tail.skipping) note_oversized(tail, tail.file.next, tail.skip_at - tail.file.next);
  }
  if (!tail.skipping)
    bytes.remove_prefix(take_records(tail, bytes, ended ? Behind::kEnd : Behind::kMore, batch));
  if (tail.skipping) bytes = {};
  if (ended) {
    finish(tail, now);
  } else {
    tail.carry.assign(bytes);
    mark(tail);
  }
  return !batch.records.empty();
}

void FileFollower::note_oversized(Tail& tail, uint64_t offset, uint64_t size) {
  ++health_.oversized;
  log_(LogLevel::kWarn, tail.file.path + ": a line of " + std::to_string(size) + " bytes at byte " +
                            std::to_string(offset) + " is over the limit of " +
                            std::to_string(cutter_.record_bytes_max()) + " and was skipped");
}

void FileFollower::note_unreadable(const std::string& message) {
  ++health_.unreadable;
  log_(LogLevel::kWarn, message);
}

}  // namespace waybill::source
