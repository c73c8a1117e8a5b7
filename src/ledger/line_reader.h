#pragma once
// Blocks of lines to events. The fast way (learned layouts) and the plain one judge lines with the same
// function.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decode/json_layout.h"
#include "ledger/event.h"
#include "ledger/format.h"

namespace waybill::ledger {

/// Lines of a block by what they are. lines = events + the rest.
struct LineCounts {
  uint64_t lines = 0;
  uint64_t ignored = 0;
  uint64_t malformed = 0;
  uint64_t failed = 0;
  LineCounts& operator+=(const LineCounts& other) {
    lines += other.lines;
    ignored += other.ignored;
    malformed += other.malformed;
    failed += other.failed;
    return *this;
  }
};

struct MalformedLine {
  uint64_t line = 0;  ///< in its block, from 0
  Fault fault = Fault::kBroken;
  std::string text;  ///< its first kSampleBytes bytes, as UTF-8
  static constexpr size_t kSampleBytes = 200;
};

/// What a block held. Cleared and used again, so that memory is not asked for per block.
struct BlockEvents {
  std::vector<std::vector<Event>> shards;  ///< by Event::spread
  LineCounts counts;
  std::vector<MalformedLine> malformed;                ///< at most ReaderOptions::malformed_max
  std::vector<std::unique_ptr<std::string>> resolved;  ///< ids that do not stand in the block as they are
  void clear(size_t shard_count);
};

struct ReaderOptions {
  LineFormat format{};
  unsigned shard_bits = 0;      ///< 2^shard_bits shards
  size_t batch_lines = 256;     ///< lines that are decoded at a time
  size_t malformed_max = 1000;  ///< malformed lines that a block reports with their text
  int64_t produced_from = 0;    ///< lines of messages produced before this time (epoch ms) are ignored
  uint64_t seed = 0;            ///< secret; the same for all readers of one ledger
  bool plain = false;           ///< the reference: no layouts
};

/// Number of a name in the ledger's Roster; called for names that this reader has not met yet. `producer` is
/// Event::kProduced when the name is a producer's.
using ResolveName = std::function<uint32_t(uint32_t producer, std::string_view name)>;

/// Single-threaded; one per thread. Cost: about 60 ns for a line of 170 bytes of a learned layout.
class LineReader {
 public:
  LineReader(ReaderOptions options, ResolveName resolve);
  ~LineReader();

  /// `block` holds whole lines; decode::kScanPadding bytes behind it must be readable. Adds to `out`.
  void read_block(std::string_view block, BlockEvents& out);
  /// One line without line end (a Kafka record's value), with no need of padding.
  void read_line(std::string_view line, BlockEvents& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::ledger
