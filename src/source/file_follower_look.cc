// Which files there are, and what became of those that were followed. Reading: file_follower.cc.
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/types.h"
#include "source/file_follower.h"
#include "source/file_names.h"
#include "source/file_tail.h"

namespace waybill::source {
namespace {

/// A file that vanished may be in the middle of being renamed or compressed.
constexpr int64_t kSearchMs = 30'000;
/// A young file that may become a copy of another one is not judged yet.
constexpr int64_t kTooYoungMs = 5'000;

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Like the names that DirWatch tells.
std::string watched_name(const std::string& path) {
  return folder_of(path) + "/" + path.substr(path.rfind('/') + 1);
}

std::string real_path(const std::string& path) {
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real == nullptr ? path : std::string(real.get());
}

uint64_t random_id() {
  uint64_t id = 0;
  while (id == 0) {
    const Id128 random = Id128::random();
    std::memcpy(&id, random.bytes.data(), sizeof id);
  }
  return id;
}

}  // namespace

bool FileFollower::excluded(const std::string& path) const {
  return std::any_of(options_.exclude.begin(), options_.exclude.end(), [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), path.c_str(), 0) == 0;
  });
}

void FileFollower::look(Now now) {
  const Millis every = watch_.works() ? options_.look_every : std::min(kPollFiles, options_.look_every);
  next_look_ms_ = now.steady_ms + every.count();
  health_.unreadable = health_.left_out = 0;
  for (auto& [inode, copy] : copies_) copy.seen = false;
  for (const std::string& pattern : options_.paths) watch_folder(pattern);
  const FileNames names = expand_file_names(options_.paths);
  for (const Error& error : names.errors)
    if (error.code != Errc::kNotFound) note_unreadable(error.message);
  for (const std::string& path : names.paths)
    if (!excluded(path)) look_at(path, now);
  std::erase_if(copies_, [](const auto& entry) { return !entry.second.seen; });
  health_.bytes_behind = 0;
  for (auto& [inode, tail] : tails_) check(*tail, now);
  resume_vanished(now);
  forget_old(now);
  health_.files = tails_.size();
  first_look_ = false;
}

/// A pattern's folder, when it has no wildcards: files may appear there later.
void FileFollower::watch_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  if (folder.find_first_of("*?[{") == std::string::npos) watch_.add(folder);
}

void FileFollower::look_at(const std::string& path, Now now) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return;  // gone again
  const Inode inode{status.st_dev, status.st_ino};
  const uint64_t size = static_cast<uint64_t>(status.st_size);
  if (auto found = tails_.find(inode); found != tails_.end()) {
    Tail& tail = *found->second;
    if (tail.file.path == path || names_it(tail.file.path, tail)) return;
    tail.file.path = path;  // it was renamed, and this name is followed too
    watch_folder(path);
    by_path_[watched_name(path)] = &tail;
    return;
  }
  if (auto copy = copies_.find(inode);
      copy != copies_.end() && copy->second.path == path && size >= copy->second.size) {
    copy->second.seen = true;
    return;
  }
  auto remembered = remembered_inodes_.find(inode);
  if (remembered != remembered_inodes_.end() && remembered_.at(remembered->second).finished &&
      remembered_.at(remembered->second).next == size)
    return;
  if (tails_.size() >= options_.files_max) {
    ++health_.left_out;
    return;
  }
  auto head = read_head(path);
  if (!head) return note_unreadable(head.error().message);
  if (remembered != remembered_inodes_.end() && !head->compressed) {
    const flow::FollowedFile& file = remembered_.at(remembered->second);
    // One that was stored empty is the same whatever it begins with: nothing of it was handed out.
    if (same_prefix(*head, file) && head->size >= file.next) {
      follow(recall(file.id), path, now);
      return;
    }
    remembered_inodes_.erase(remembered);  // another file lies there now
  }
  const Known known = known_content(path, *head, now);
  if (known == Known::kYes) copies_[inode] = {path, size, true};
  const bool young = now.wall_ms - int64_t{status.st_mtim.tv_sec} * 1000 < kTooYoungMs;
  if (known == Known::kYes || (known == Known::kTooShortToTell && young)) return;
  if (first_look_ && fresh_ && options_.start == FollowOptions::Start::kEnd && head->compressed) {
    copies_[inode] = {path, size, true};
    return;
  }
  add_new(path, *head, now);
}

/// Whether a file with a new inode holds what is, or was, followed under another one.
FileFollower::Known FileFollower::known_content(const std::string& path, const FileHead& head, Now now) {
  Known answer = Known::kNo;
  const auto compare = [&](const flow::FollowedFile& file) {
    // A plain file put in the place of that file is new content, whatever it begins with.
    if (file.path == path && !head.compressed) return false;
    if (head.compressed ? !is_related_name(path, file.path) : !is_rotated_name(path, file.path)) return false;
    if (file.prefix_bytes < kCopyPrefixBytes) return false;
    if (head.bytes.size() < file.prefix_bytes) answer = Known::kTooShortToTell;
    return same_prefix(head, file);
  };
  for (const auto& [inode, tail] : tails_) {
    look_at_head(*tail);
    if (compare(tail->file)) return Known::kYes;
  }
  for (const auto& [id, file] : remembered_) {
    if (!compare(file)) continue;
    if (!file.finished && is_copy(head, file)) {
      Tail* const tail = follow(recall(id), path, now);
      if (tail == nullptr) return Known::kTooShortToTell;
      tail->copy = true;
    }
    return Known::kYes;
  }
  return answer;
}

/// A file that was opened when it was short may have been written, renamed and compressed since, and not been
/// read.
void FileFollower::look_at_head(Tail& tail) {
  if (tail.packed || tail.file.prefix_bytes >= kPrefixBytes) return;
  const auto head = read_head(tail.fd.get(), tail.file.path);
  if (head && head->size >= tail.file.next && same_prefix(*head, tail.file)) note_head(tail, *head);
}

void FileFollower::add_new(const std::string& path, const FileHead& head, Now now) {
  flow::FollowedFile file;
  file.id = random_id();
  file.path = path;
  file.prefix_bytes = static_cast<uint32_t>(head.bytes.size());
  file.prefix_hash = prefix_hash(head.bytes);
  if (first_look_ && fresh_ && options_.start == FollowOptions::Start::kEnd) file.next = head.size;
  if (follow(file, path, now) == nullptr) return;
  ++ids_given_;
  log_(LogLevel::kInfo, path + ": followed from byte " + std::to_string(file.next));
}

/// Opens `path` as the place where `file` goes on. Null when that fails.
FileFollower::Tail* FileFollower::follow(const flow::FollowedFile& file, const std::string& path, Now now) {
  auto fd = open_for_reading(path);
  auto head = fd ? read_head(fd->get(), path) : tl::make_unexpected(fd.error());
  if (!head) {
    note_unreadable(head.error().message);
    remember(file, now);
    return nullptr;
  }
  auto tail = std::make_unique<Tail>();
  tail->file = file;
  tail->file.path = path;
  tail->file.device = head->device;
  tail->file.inode = head->inode;
  tail->file.finished = false;
  tail->packed = compression_of(head->bytes) != Compression::kNone;
  if (!tail->packed) tail->fd = *std::move(fd);
  tail->size = head->size;
  tail->grown_ms = now.steady_ms;
  Tail* const followed = tail.get();
  tails_.insert_or_assign({head->device, head->inode}, std::move(tail));
  watch_folder(path);
  by_path_[watched_name(path)] = followed;
  if (const std::string real = real_path(path); real != path) {
    watch_folder(real);
    by_path_[watched_name(real)] = followed;
  }
  mark(*followed);
  return followed;
}

bool FileFollower::names_it(const std::string& path, const Tail& tail) const {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && status.st_dev == tail.file.device &&
         status.st_ino == tail.file.inode;
}

/// What look() does with a file that is followed.
void FileFollower::check(Tail& tail, Now now) {
  if (tail.packed) return mark(tail);
  if (!tail.copy && names_it(tail.file.path, tail)) {
    tail.gone_ms = -1;
  } else if (tail.gone_ms < 0) {
    tail.gone_ms = now.steady_ms;
  }
  struct stat status {};
  if (::fstat(tail.fd.get(), &status) != 0) return;
  const uint64_t size = static_cast<uint64_t>(status.st_size);
  health_.bytes_behind += size > tail.file.next ? size - tail.file.next : 0;
  const bool unchanged = size == tail.file.next && size == tail.size;
  if (!unchanged || behind(tail, now) == RecordCutter::Behind::kEnd) mark(tail);
}

/// The file was cut to nothing (and may have grown again): what was in it may live on in a copy.
void FileFollower::restart_cut(Tail& tail, const FileHead& head, Now now) {
  flow::FollowedFile old = tail.file;
  ++health_.cut_off;
  tail.file.id = random_id();
  ++ids_given_;
  tail.file.next = 0;
  tail.file.prefix_bytes = static_cast<uint32_t>(head.bytes.size());
  tail.file.prefix_hash = prefix_hash(head.bytes);
  tail.skipping = false;
  tail.size = head.size;
  tail.grown_ms = now.steady_ms;
  mark(tail);
  log_(LogLevel::kInfo,
       old.path + ": cut off after byte " + std::to_string(old.next) + " was read; followed from its begin");
  old.device = old.inode = 0;
  if (old.prefix_bytes > 0) remember(std::move(old), now);  // resume_vanished looks for a copy
  next_look_ms_ = std::min(next_look_ms_, now.steady_ms);
}

void FileFollower::resume_vanished(Now now) {
  std::vector<uint64_t> vanished;
  for (const auto& [id, file] : remembered_)
    if (!file.finished && now.wall_ms - file.seen_ms <= kSearchMs) vanished.push_back(id);
  const auto taken = [this](uint64_t device, uint64_t inode) { return tails_.contains({device, inode}); };
  for (const uint64_t id : vanished) {
    const auto path = find_renamed(remembered_.at(id), taken);
    if (!path) continue;
    const flow::FollowedFile file = recall(id);
    Tail* const tail = follow(file, *path, now);
    if (tail == nullptr) continue;
    tail->copy = true;
    log_(LogLevel::kInfo, file.path + ": goes on as " + *path + " from byte " + std::to_string(file.next));
  }
}

void FileFollower::finish(Tail& tail, Now now) {
  tail.file.finished = true;
  drop(tail, now);
}

void FileFollower::drop(Tail& tail, Now now) {
  flow::FollowedFile file = tail.file;
  struct stat status {};
  const bool deleted = tail.packed || ::fstat(tail.fd.get(), &status) != 0 || status.st_nlink == 0;
  if (tail.packed) file.finished = true;  // read, or damaged for good
  const Inode inode{file.device, file.inode};
  std::erase_if(by_path_, [&](const auto& entry) { return entry.second == &tail; });
  if (tail.packed) copies_[inode] = {file.path, 0, true};
  if (deleted) file.device = file.inode = 0;  // the number may be given to another file
  tails_.erase(inode);
  remember(std::move(file), now);
}

void FileFollower::remember(flow::FollowedFile file, Now now) {
  file.seen_ms = now.wall_ms;
  if (file.inode != 0) remembered_inodes_[{file.device, file.inode}] = file.id;
  const uint64_t id = file.id;
  remembered_[id] = std::move(file);
}

flow::FollowedFile FileFollower::recall(uint64_t id) {
  flow::FollowedFile file = std::move(remembered_.at(id));
  remembered_.erase(id);
  auto inode = remembered_inodes_.find({file.device, file.inode});
  if (inode != remembered_inodes_.end() && inode->second == id) remembered_inodes_.erase(inode);
  return file;
}

void FileFollower::forget_old(Now now) {
  std::vector<std::pair<int64_t, uint64_t>> by_age;
  for (const auto& [id, file] : remembered_) by_age.emplace_back(file.seen_ms, id);
  std::sort(by_age.begin(), by_age.end());
  const size_t over = by_age.size() > kRememberedMax ? by_age.size() - kRememberedMax : 0;
  for (size_t i = 0; i < by_age.size(); ++i)
    if (i < over || now.wall_ms - by_age[i].first > options_.remember.count()) recall(by_age[i].second);
}

std::vector<flow::FollowedFile> FileFollower::files() const {
  std::vector<flow::FollowedFile> all;
  for (const auto& [inode, tail] : tails_) {
    all.push_back(tail->file);
    all.back().seen_ms = 0;
  }
  for (const auto& [id, file] : remembered_) all.push_back(file);
  return all;
}

}  // namespace waybill::source
