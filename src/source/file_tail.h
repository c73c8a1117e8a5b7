#pragma once
// One file that FileFollower follows. For its .cc files only.

#include <string>

#include "source/file_follower.h"

namespace waybill::source {

struct FileFollower::Tail {
  flow::FollowedFile file;  ///< `next`: handed out to here
  FileHandle fd;
  bool packed = false;               ///< compressed: read once, through `input`
  std::unique_ptr<ByteInput> input;  ///< packed
  std::string carry;                 ///< packed: read from `input` and not handed out
  bool copy = false;                 ///< left by copy-truncate: ends when it is quiet, wherever its name is
  bool ready = false;                ///< in FileFollower::ready_
  bool skipping = false;             ///< inside a line that is over the limit
  uint64_t skip_at = 0;              ///< skipping: looked for its end up to here
  uint64_t size = 0;                 ///< as of the last look
  int64_t grown_ms = 0;              ///< steady, when the size changed last
  int64_t gone_ms = -1;              ///< steady, since when the path names something else; -1: it does not
  int64_t retry_ms = 0;              ///< steady; packed: not before
};

}  // namespace waybill::source
