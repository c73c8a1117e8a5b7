#pragma once
// Rules over files that are followed, and over the standard input: one Task over the one partition of a feed
// (flow/feed_note.h). Its state says where each file has been read to, so counts and positions are committed
// together.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "flow/file_feed.h"
#include "flow/task.h"
#include "watch/watch_task.h"

namespace waybill::watch {

/// Offsets of a file's lines in rows: the byte in the file, and so much more for each file that had its name
/// before, so that lines of one name never share an offset.
inline constexpr int64_t kFileOffsetStep = int64_t{1} << 40;

struct FilesTaskParts {
  flow::SourcePartition partition;  ///< of the feed. Rows have its source, the file's first name, and 0
  /// The rules of a file by the name under which it was found first; null: none reads it.
  std::function<std::shared_ptr<const WatchProgram>(const std::string& path)> program_of;
  /// Told by restore() what is known of files, before anything is processed.
  std::function<void(std::vector<flow::FollowedFile> files)> restored;
};

/// Lines have no time of their own: they count when they are read. Oversized lines count as malformed.
/// Memory: a Task of watch_task.h per name, 300 bytes a file.
std::unique_ptr<flow::Task> make_files_task(FilesTaskParts parts);

}  // namespace waybill::watch
