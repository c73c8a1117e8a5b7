#pragma once
// Blocks of lines to matches, in two stages: Hyperscan over the raw bytes, then simdjson and the tests on
// candidate lines.

#include <cstdint>
#include <string_view>
#include <vector>

#include "decode/json_fields.h"
#include "watch/block_facts.h"
#include "watch/rule_set.h"

namespace waybill::watch {

/// A line for which a rule holds. Views live as long as the block, and until the sink returns.
struct Match {
  uint32_t rule = 0;
  std::string_view line;  ///< without its newline
  size_t offset = 0;      ///< of the line in the block, bytes
  /// Values by index of RuleSet::fields(); absent when the line was not parsed.
  const decode::JsonFields* fields = nullptr;
};

class MatchSink {
 public:
  virtual ~MatchSink() = default;
  /// Lines ascend; of one line each rule at most once, in the order of the rules.
  virtual void matched(const Match& match) = 0;
};

struct ScanCounts {
  int64_t lines = 0;
  int64_t bytes = 0;
  int64_t parsed = 0;     ///< lines that the first stage let through to the parser
  int64_t malformed = 0;  ///< of these: no JSON object
  ScanCounts& operator+=(const ScanCounts& o) {
    lines += o.lines, bytes += o.bytes, parsed += o.parsed, malformed += o.malformed;
    return *this;
  }
};

/// One per thread. Holds 4 bytes per rule and atom, and 8 per find in a block.
class Matcher {
 public:
  /// `rules` outlives it.
  explicit Matcher(const RuleSet& rules);

  /// `block`: lines that end with '\n'; the last may lack it. `readable_after`: bytes behind the block that
  /// are readable memory (decode::kJsonPadding is enough). REQUIRES: block.size() < 4 GiB.
  ScanCounts scan(std::string_view block, size_t readable_after, MatchSink& sink);

  /// One message as it is, newlines inside included, by the second stage alone. Counts one line.
  ScanCounts match(std::string_view message, size_t readable_after, MatchSink& sink);

 private:
  struct Find {
    uint32_t line;  ///< offset in the piece
    uint32_t what;  ///< an atom, or a rule + kRuleBit that an escape wakes
  };
  void scan_piece(std::string_view block, size_t at, std::string_view piece, size_t readable_after,
                  MatchSink& sink);
  void find(std::string_view block, const BlockFacts& facts);
  void find_escapes(std::string_view block);
  void confirm_candidates(std::string_view block, size_t readable_after, MatchSink& sink);
  void confirm_every(std::string_view block, size_t readable_after, MatchSink& sink);
  void wake(uint32_t what, uint32_t stamp);
  bool may_hold(uint32_t node) const;
  bool holds(uint32_t node, std::string_view line) const;
  void confirm(std::string_view line, size_t offset, size_t readable_after, MatchSink& sink);

  const RuleSet& rules_;
  Scratch literal_scratch_, pattern_scratch_, escape_scratch_;
  decode::JsonFields fields_;
  ScanCounts counts_;
  std::vector<Find> finds_;
  std::vector<uint32_t>
      atom_line_;  ///< line of the last find of each atom in this block, for one find a line
  std::vector<uint32_t> atom_stamp_;  ///< equal to stamp_: found in the present line
  std::vector<uint32_t> rule_stamp_;  ///< equal to stamp_: already a candidate of the present line
  std::vector<uint32_t> candidates_;  ///< rules of the present line
  std::vector<bool> certain_;         ///< by candidate: woken by an escape, whatever atoms say
  uint32_t stamp_ = 0;
  size_t piece_offset_ = 0;
};

}  // namespace waybill::watch
