#include "store/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace waybill::store {
namespace {

/// What is written in the file, if it is a number.
std::string holder(int fd) {
  char text[32] = {};
  const ssize_t length = ::pread(fd, text, sizeof text - 1, 0);
  const long pid = length > 0 ? std::strtol(text, nullptr, 10) : 0;
  if (pid <= 0) return "another process";
  return pid == ::getpid() ? "this process" : "process " + std::to_string(pid);
}

}  // namespace

Error system_error(int code, const std::string& what, const std::string& path) {
  Errc errc = Errc::kUnavailable;
  if (code == EACCES || code == EPERM || code == EROFS) errc = Errc::kDenied;
  if (code == ENOSPC || code == EDQUOT || code == EMFILE || code == ENFILE) errc = Errc::kLimit;
  return Error{errc, what + " " + path + ": " + std::strerror(code)};
}

Result<LockFile> LockFile::take(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return tl::unexpected(system_error(errno, "cannot open", path));
  LockFile lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return tl::unexpected(system_error(errno, "cannot lock", path));
    return fail(Errc::kConflict, holder(fd) + " holds " + path);
  }
  std::string pid = std::to_string(::getpid());
  pid.resize(15, ' ');  // one width, so that a later holder overwrites in place and needs no room on the disk
  pid += '\n';
  if (::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return tl::unexpected(system_error(errno, "cannot write", path));
  }
  return lock;
}

LockFile::LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

LockFile::~LockFile() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace waybill::store
