#include "source/file_identity.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <tuple>
#include <vector>

// (kept below the others: it is configured by a macro)
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace waybill::source {
namespace {

constexpr size_t kCandidatesMax = 1000;

struct Candidate {
  std::string path;
  bool itself = false;  ///< device and inode are those of the file
  int64_t written_ns = 0;
};

std::vector<Candidate> candidates(const flow::FollowedFile& file,
                                  const std::function<bool(uint64_t, uint64_t)>& taken) {
  std::vector<Candidate> found;
  const size_t slash = file.path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : file.path.substr(0, slash);
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.empty() ? "/" : folder.c_str()), &::closedir);
  if (!entries) return found;
  while (const dirent* entry = ::readdir(entries.get())) {
    Candidate candidate{folder + "/" + entry->d_name};
    if (!is_related_name(candidate.path, file.path)) continue;
    struct stat status {};
    if (::stat(candidate.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (taken(status.st_dev, status.st_ino)) continue;
    candidate.itself = status.st_dev == file.device && status.st_ino == file.inode;
    candidate.written_ns = int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    found.push_back(std::move(candidate));
  }
  std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.itself, a.written_ns) > std::tie(b.itself, b.written_ns);
  });
  if (found.size() > kCandidatesMax) found.resize(kCandidatesMax);
  return found;
}

Result<FileHead> status_of(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return tl::make_unexpected(file_error(path, "opening", errno));
  if (S_ISDIR(status.st_mode)) return tl::make_unexpected(file_error(path, "opening", EISDIR));
  if (!S_ISREG(status.st_mode)) return fail(Errc::kInvalid, path + ": not a regular file");
  return FileHead{.device = status.st_dev,
                  .inode = status.st_ino,
                  .size = static_cast<uint64_t>(status.st_size),
                  .links = status.st_nlink};
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

uint64_t prefix_hash(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Result<FileHead> read_head(int fd, const std::string& path) {
  auto head = status_of(fd, path);
  if (!head) return head;
  head->bytes.resize(kPrefixBytes);
  ssize_t got;
  do {
    got = ::pread(fd, head->bytes.data(), kPrefixBytes, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return tl::make_unexpected(file_error(path, "reading", errno));
  head->bytes.resize(static_cast<size_t>(got));
  return head;
}

Result<FileHead> read_head(const std::string& path) {
  struct stat status {};  // before opening, which would wait at a pipe
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
    return fail(Errc::kInvalid, path + ": not a regular file");
  auto file = open_for_reading(path);
  if (!file) return tl::make_unexpected(std::move(file).error());
  auto head = read_head(file->get(), path);
  if (!head || compression_of(head->bytes) == Compression::kNone) return head;
  head->compressed = true;
  auto input = make_byte_input(*std::move(file), path);
  if (!input) return tl::make_unexpected(std::move(input).error());
  std::string content(kPrefixBytes, '\0');
  size_t have = 0;
  while (have < kPrefixBytes) {
    auto got = (*input)->read(content.data() + have, kPrefixBytes - have);
    if (!got) return tl::make_unexpected(std::move(got).error());
    if (*got == 0) break;
    have += *got;
  }
  content.resize(have);
  head->bytes = std::move(content);
  return head;
}

bool same_prefix(const FileHead& head, const flow::FollowedFile& file) {
  return head.bytes.size() >= file.prefix_bytes &&
         prefix_hash(std::string_view(head.bytes).substr(0, file.prefix_bytes)) == file.prefix_hash;
}

bool is_copy(const FileHead& head, const flow::FollowedFile& file) {
  if (!same_prefix(head, file)) return false;
  if (head.device == file.device && head.inode == file.inode && !head.compressed)
    return head.size >= file.next;
  return file.prefix_bytes >= kCopyPrefixBytes && (head.compressed || head.size >= file.next);
}

bool is_rotated_name(std::string_view path, std::string_view of) {
  const std::string_view name = base_name(path), old = base_name(of);
  return name.size() > old.size() && name.starts_with(old) && !is_alnum(name[old.size()]);
}

bool is_related_name(std::string_view path, std::string_view of) {
  const std::string_view old = base_name(of);
  return base_name(path).starts_with(old.substr(0, old.find('.', 1)));
}

std::optional<std::string> find_renamed(const flow::FollowedFile& file,
                                        const std::function<bool(uint64_t, uint64_t)>& taken) {
  for (const Candidate& candidate : candidates(file, taken)) {
    auto head = read_head(candidate.path);
    if (!head || !is_copy(*head, file)) continue;
    const bool named_so = candidate.itself || head->compressed || is_rotated_name(candidate.path, file.path);
    if (named_so) return candidate.path;
  }
  return std::nullopt;
}

}  // namespace waybill::source
