#pragma once
// Lines of a pipe as a FileFeed. What was read of a pipe cannot be read again, so nothing is kept of it.

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "flow/file_feed.h"
#include "source/file_handle.h"
#include "source/record_cutter.h"

namespace waybill::source {

/// Reads `fd` until its end; then the feed is silent. Memory: the longest line and a block of 1 MiB.
class StdinFeed final : public flow::FileFeed {
 public:
  /// `name`: its path in files(). `line_bytes_max`: longer lines are skipped.
  StdinFeed(FileHandle fd, std::string name, size_t line_bytes_max, const Clock& clock, LogFn log);

  flow::FileBatch poll(Millis wait) override;
  std::vector<flow::FollowedFile> files() const override { return {file_}; }
  uint64_t ids_given() const override { return 1; }
  flow::FeedHealth health() const override { return health_; }

 private:
  bool read(Millis wait);
  flow::FileBatch cut();

  FileHandle fd_;
  RecordCutter cutter_;
  LogFn log_;
  flow::FollowedFile file_;
  std::string bytes_;  ///< read and not handed out, behind used_
  size_t used_ = 0;
  bool skipping_ = false;  ///< inside a line that is over the limit
  uint64_t skipped_bytes_ = 0;
  bool ended_ = false;
  std::vector<flow::FileRecord> records_;
  flow::FeedHealth health_;
};

/// The standard input of this process. Errors: file_error's.
Result<FileHandle> open_standard_input();

}  // namespace waybill::source
