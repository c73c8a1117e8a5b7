#pragma once
// Records of files that are followed as they grow, and where each file has been read to.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace waybill::flow {

/// One life of a file's content: it stays the same when the file is renamed, copied or compressed, and ends
/// when the file is cut to nothing. Known again after a restart by device, inode and a hash of the first
/// bytes.
struct FollowedFile {
  uint64_t id = 0;   ///< random; never used again
  std::string path;  ///< where it was last seen
  uint64_t device = 0;
  uint64_t inode = 0;
  uint32_t prefix_bytes = 0;  ///< how many of the first bytes `prefix_hash` covers
  uint64_t prefix_hash = 0;
  uint64_t next = 0;      ///< bytes of the (decompressed) content that are done
  bool finished = false;  ///< nothing more comes; it is remembered so that a copy of it is not read again
  int64_t seen_ms = 0;    ///< epoch ms, when it was last followed
  bool operator==(const FollowedFile&) const = default;
};

/// A line of words (without its newline) for state that is kept. Reading: false when it is anything else.
std::string followed_file_text(const FollowedFile& file);
bool read_followed_file(std::string_view line, FollowedFile& file);

struct FileRecord {
  uint64_t offset = 0;    ///< of its first byte
  uint64_t next = 0;      ///< of the byte behind it and its newline
  std::string_view text;  ///< without the last newline
};

/// Records of one file in order. Views die with the next poll.
struct FileBatch {
  uint64_t file = 0;  ///< FollowedFile::id; 0: nothing came
  std::span<const FileRecord> records;
  uint64_t next = 0;  ///< the file is read to here; may lie behind the last record (blank and skipped lines)
  uint64_t oversized = 0;  ///< lines over the limit that were skipped on the way
};

struct FeedHealth {
  uint64_t files = 0;         ///< being followed
  uint64_t bytes_behind = 0;  ///< written and not yet handed out, as of the last look
  uint64_t oversized = 0;     ///< records over the limit, skipped; the log has the place of each
  uint64_t unreadable = 0;    ///< files that match and cannot be opened or read now; tried again
  uint64_t left_out = 0;      ///< files beyond the limit; followed when another one ends
  uint64_t cut_off = 0;       ///< times that a file was cut to nothing while read
};

/// Used from one thread.
class FileFeed {
 public:
  virtual ~FileFeed() = default;
  /// Waits up to `wait` for records. Files that have something take turns.
  virtual FileBatch poll(Millis wait) = 0;
  /// Every file that is known, with where it has been handed out to.
  virtual std::vector<FollowedFile> files() const = 0;
  /// Grows when what files are known by changes: a new id, or the first bytes of a file that was empty or
  /// very short. Whoever uses a batch stores files() before, if this grew: or what was used would get another
  /// id after a crash, and count twice.
  virtual uint64_t ids_given() const = 0;
  virtual FeedHealth health() const = 0;
};

}  // namespace waybill::flow
