#include "source/dir_watch.h"

#include <poll.h>
#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <thread>

namespace waybill::source {
namespace {

constexpr uint32_t kNames =
    IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr int kReadsMax = 64;  ///< a busy writer must not keep us here

}  // namespace

DirWatch::DirWatch(Use use) {
  if (use == Use::kYes) inotify_ = FileHandle(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
}

bool DirWatch::add(const std::string& folder) {
  if (!works()) return false;
  if (watches_.contains(folder)) return true;
  if (watches_.size() >= kFoldersMax) return false;
  const int watch = ::inotify_add_watch(inotify_.get(), folder.c_str(), kNames | IN_MODIFY | IN_ONLYDIR);
  if (watch < 0) return false;
  watches_.emplace(folder, watch);
  folders_[watch] = folder;
  return true;
}

DirWatch::Changes DirWatch::take(Millis wait) {
  Changes changes;
  if (!works()) {
    std::this_thread::sleep_for(wait);
    return changes;
  }
  pollfd ready{inotify_.get(), POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(wait.count())) <= 0) return changes;
  alignas(inotify_event) std::array<char, 64 << 10> bytes;
  for (int reads = 0; reads < kReadsMax; ++reads) {
    const ssize_t got = ::read(inotify_.get(), bytes.data(), bytes.size());
    if (got <= 0) break;
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(bytes.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if ((event->mask & IN_Q_OVERFLOW) != 0) changes.overflow = true;
      if ((event->mask & kNames) != 0) changes.names = true;
      auto folder = folders_.find(event->wd);
      if (folder == folders_.end()) continue;
      if ((event->mask & (IN_IGNORED | IN_MOVE_SELF)) != 0) {  // gone, or no longer where its name says
        if ((event->mask & IN_IGNORED) == 0) ::inotify_rm_watch(inotify_.get(), event->wd);
        watches_.erase(folder->second);
        folders_.erase(folder);
        changes.names = true;
      } else if ((event->mask & IN_MODIFY) != 0 && event->len > 0) {
        changes.written.push_back(folder->second + "/" + event->name);
      }
    }
    if (static_cast<size_t>(got) < bytes.size() / 2) break;
  }
  std::sort(changes.written.begin(), changes.written.end());
  changes.written.erase(std::unique(changes.written.begin(), changes.written.end()), changes.written.end());
  return changes;
}

}  // namespace waybill::source
