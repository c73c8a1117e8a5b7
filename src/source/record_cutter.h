#pragma once
// Bytes of a growing file to records: lines, or several lines that belong together.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "flow/file_feed.h"

namespace re2 {
class RE2;
}

namespace waybill::source {

/// Immutable; one serves any number of files.
class RecordCutter {
 public:
  struct Rules {
    size_t record_bytes_max = 1'000'000;  ///< without the last newline; >= 1
    std::string start;  ///< RE2 pattern of a record's first line, unanchored; empty: each line is a record
  };
  /// kInvalid with RE2's reason.
  static Result<RecordCutter> make(const Rules& rules);
  RecordCutter(RecordCutter&&) noexcept;
  RecordCutter& operator=(RecordCutter&&) noexcept;
  ~RecordCutter();

  /// What follows the given bytes.
  enum class Behind : uint8_t {
    kMore,        ///< bytes that were not read yet
    kNothingYet,  ///< the end of the file, which may grow: the last record may be unfinished
    kQuiet,       ///< the same, and it has not grown for a while: several whole lines are a record
    kEnd,         ///< nothing, for ever: a last line without a newline is one
  };
  struct Skipped {
    uint64_t offset = 0;
    uint64_t size = 0;
  };
  struct Cut {
    size_t used = 0;       ///< bytes that are done with; cut() wants the rest again, with what follows it
    bool endless = false;  ///< the rest is a line over the limit whose end is not among the bytes
    std::vector<Skipped> skipped;  ///< lines over the limit that were passed over
  };
  /// Appends the records of `bytes`, which begin at `offset` of the file at a line. Blank lines are no
  /// records. Records of several lines that grow over the limit are cut at a line. With kMore and at least
  /// record_bytes_max + 2 bytes, something is used or `endless` is set.
  Cut cut(std::string_view bytes, uint64_t offset, Behind behind,
          std::vector<flow::FileRecord>& records) const;

  size_t record_bytes_max() const { return record_bytes_max_; }

 private:
  RecordCutter(size_t record_bytes_max, std::unique_ptr<re2::RE2> start);
  bool starts(std::string_view line) const;

  size_t record_bytes_max_;
  std::unique_ptr<re2::RE2> start_;
};

}  // namespace waybill::source
