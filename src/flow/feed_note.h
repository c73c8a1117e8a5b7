#pragma once
// How a Source over a FileFeed tells a Task about files: in the keys of records, so that what is known of the
// files is committed with what was read of them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flow/file_feed.h"

namespace waybill::flow {

/// Records of a feed have one of these as key. Only those of kLine have a value.
struct FeedNote {
  enum class Kind : uint8_t {
    kLine,     ///< the value is a line of `file.id`; the record's offset is the line's in the file
    kFile,     ///< what is known of a file has changed: all of `file`; it is read to file.next
    kGone,     ///< file.id is forgotten
    kSkipped,  ///< `count` lines of file.id were over the limit; it is read to file.next
  } kind = Kind::kLine;
  FollowedFile file;
  uint64_t count = 0;
};

std::string feed_key(const FeedNote& note);
/// nullopt: no key of a feed.
std::optional<FeedNote> read_feed_key(std::string_view key);

}  // namespace waybill::flow
