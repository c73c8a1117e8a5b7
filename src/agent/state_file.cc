#include "agent/state_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace waybill::agent {
namespace {

constexpr std::string_view kFirstLine = "waybill-agent 1";
constexpr size_t kStateBytesMax = 64 << 20;

tl::unexpected<Error> system_error(const std::string& path, const char* what) {
  const int number = errno;
  const Errc code = number == EACCES || number == EPERM || number == EROFS ? Errc::kDenied
                    : number == ENOSPC || number == EDQUOT                 ? Errc::kLimit
                                                                           : Errc::kUnavailable;
  return fail(code, path + ": " + what + ": " + std::strerror(number));
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(done));
  }
  return true;
}

}  // namespace

std::string write_state(const std::vector<flow::FollowedFile>& files) {
  std::string text(kFirstLine);
  text += '\n';
  for (const flow::FollowedFile& file : files) {
    text += flow::followed_file_text(file);
    text += '\n';
  }
  return text + "end " + std::to_string(files.size()) + "\n";
}

Result<std::vector<flow::FollowedFile>> read_state(std::string_view text) {
  std::vector<flow::FollowedFile> files;
  bool ended = false;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t newline = text.find('\n');
    const std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    bool fine = newline != std::string_view::npos && !ended;
    if (fine && number == 1) {
      fine = line == kFirstLine;
      if (!fine && line.starts_with("waybill-agent "))
        return fail(Errc::kUnsupported, "written by another version of the agent: " + std::string(line));
    } else if (fine && line == "end " + std::to_string(files.size())) {
      ended = true;
    } else if (fine) {
      fine = flow::read_followed_file(line, files.emplace_back());
    }
    if (!fine)
      return fail(Errc::kCorrupt, "line " + std::to_string(number) + " is not what the agent writes");
  }
  if (!ended) return fail(Errc::kCorrupt, "the last line is missing");
  return files;
}

Result<StateFile> StateFile::open(std::string path) {
  const std::string lock_path = path + ".lock";
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) return system_error(lock_path, "opening");
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return fail(Errc::kConflict, path + ": another agent is using it");
  }
  return StateFile(std::move(path), lock);
}

StateFile::StateFile(StateFile&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

StateFile::~StateFile() {
  if (lock_ >= 0) ::close(lock_);
}

Result<std::vector<flow::FollowedFile>> StateFile::load() const {
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return std::vector<flow::FollowedFile>{};
  if (fd < 0) return system_error(path_, "opening");
  std::string text;
  std::array<char, 64 << 10> block;
  ssize_t got;
  while ((got = ::read(fd, block.data(), block.size())) > 0 && text.size() < kStateBytesMax)
    text.append(block.data(), static_cast<size_t>(got));
  ::close(fd);
  if (got < 0) return system_error(path_, "reading");
  auto files = read_state(text);
  if (!files) return tl::make_unexpected(std::move(files).error().within(path_));
  return files;
}

Result<void> StateFile::save(const std::vector<flow::FollowedFile>& files) {
  const std::string beside = path_ + ".new";
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return system_error(beside, "opening");
  const bool written = write_all(fd, write_state(files)) && ::fsync(fd) == 0;
  const auto error = written ? tl::unexpected<Error>(Error{}) : system_error(beside, "writing");
  ::close(fd);
  if (!written) {
    ::unlink(beside.c_str());  // gives a full disk its space back
    return error;
  }
  if (::rename(beside.c_str(), path_.c_str()) != 0) return system_error(path_, "replacing");
  const size_t slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
  const int folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd < 0) return system_error(folder, "opening");
  const bool kept = ::fsync(folder_fd) == 0;
  const auto kept_error = kept ? tl::unexpected<Error>(Error{}) : system_error(folder, "writing");
  ::close(folder_fd);
  if (!kept) return kept_error;
  return {};
}

}  // namespace waybill::agent
