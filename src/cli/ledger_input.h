#pragma once
// What a ledger reads to its end: blocks of lines, from files or from topics.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "source/line_blocks.h"

namespace waybill::cli {

/// Lines in a row. Owns its memory.
struct LedgerBlock {
  source::LineBlock lines{};
  /// All of it is one line, with newlines of its own: a record of a topic.
  bool single = false;
  /// Of records: "TOPIC[PARTITION]"; empty: a file's, whose places are counted.
  std::string from{};
  /// Of records: (line in the block, its offset) where it is not the one before plus one. Begins with line 0.
  std::vector<std::pair<uint32_t, int64_t>> offsets{};
  /// Of documents, instead of offsets: "INDEX/ID" of each line.
  std::vector<std::string> names{};

  /// "TOPIC[PARTITION]@OFFSET", or the document's name. REQUIRES: records.
  std::string place(uint64_t line) const;
};

/// Used by one thread at a time. Blocks may be in flight on other threads.
class LedgerInput {
 public:
  virtual ~LedgerInput() = default;
  /// The next block, into `buffer` if one is given back; nullopt at the end.
  virtual std::optional<LedgerBlock> next(std::unique_ptr<source::BlockBuffer> buffer) = 0;
  /// "FILE:LINE" of a line of a file's block; blocks count from 0 in the order of next(), `lines` is how many
  /// lines each has. Asked after the end, in ascending order.
  virtual std::string place(uint64_t block, uint64_t line, const std::vector<uint32_t>& lines) = 0;
  /// What could not be read to its end.
  virtual std::vector<Error> take_errors() = 0;
};

/// Files one after the other; "-" is the standard input.
std::unique_ptr<LedgerInput> open_ledger_files(std::vector<std::string> files);

}  // namespace waybill::cli
