#pragma once
// A flow::Source over a FileFeed: one partition, whose records say in their keys (flow/feed_note.h) which
// file they are of. Where each file has been read to is the Task's state, committed with what it counted.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "flow/file_feed.h"
#include "flow/source.h"

namespace waybill::source {

/// What the Task found in the store, written by its restore(); the source begins there whenever `version` has
/// grown. Both on the runner's thread.
struct RestoredFiles {
  uint64_t version = 0;
  std::vector<flow::FollowedFile> files;
};

struct FeedSourceOptions {
  flow::SourcePartition partition;
  std::string member;  ///< for people
  /// Shared: the Task and the source come and go in any order.
  std::shared_ptr<const RestoredFiles> restored;
  std::function<Result<std::unique_ptr<flow::FileFeed>>(std::vector<flow::FollowedFile> known)> make_feed;
};

/// For plans of kind kWhole. Positions are the number of records handed out. Memory: one block of the feed,
/// 300 bytes a file.
std::unique_ptr<flow::Source> make_feed_source(FeedSourceOptions options, flow::Assignments& assignments,
                                               const Clock& clock);

}  // namespace waybill::source
