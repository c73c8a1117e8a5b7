#pragma once
// Knowing a file again: by its place on the disk and by its first bytes.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "flow/file_feed.h"
#include "source/byte_input.h"

namespace waybill::source {

/// So many first bytes tell files apart. Log lines begin with a time, so a kilobyte is never the same twice.
inline constexpr size_t kPrefixBytes = 1024;
/// Fewer first bytes do not show that one file is a copy of another.
inline constexpr size_t kCopyPrefixBytes = 64;

uint64_t prefix_hash(std::string_view bytes);

/// The first bytes of the content, at most kPrefixBytes; decompressed when `compressed`.
struct FileHead {
  std::string bytes;
  bool compressed = false;
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;  ///< of the file as it lies on the disk
  uint64_t links = 0;
};
Result<FileHead> read_head(const std::string& path);
/// Of an open plain file.
Result<FileHead> read_head(int fd, const std::string& path);

/// The content begins as that of `file` did.
bool same_prefix(const FileHead& head, const flow::FollowedFile& file);
/// `head` holds what was read of `file`, whatever it is called and wherever it lies now.
bool is_copy(const FileHead& head, const flow::FollowedFile& file);
/// "app.log.1", "app.log-20181124" and "app.log.gz" are names that rotation gives to app.log; "app.log2" is
/// not.
bool is_rotated_name(std::string_view path, std::string_view of);
/// The names are the same up to the first dot; enough for compressed files, whose whole prefix is compared.
bool is_related_name(std::string_view path, std::string_view of);

/// The content of `file` under another name in the folder of its path: the file itself after a rename, else a
/// copy or a compressed copy, the newest first. Looks at files whose names begin like its own up to the first
/// dot, at most 1000 of them, and not at those for which `taken` is true (they are followed as something
/// else).
std::optional<std::string> find_renamed(const flow::FollowedFile& file,
                                        const std::function<bool(uint64_t device, uint64_t inode)>& taken);

}  // namespace waybill::source
