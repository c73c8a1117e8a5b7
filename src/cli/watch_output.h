#pragma once
// What `waybill watch` prints.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/watch_args.h"
#include "watch/matcher.h"
#include "watch/redact.h"

namespace waybill::cli {

/// Takes matches of one input after the other; prints lines as they come, or a summary at the end. One
/// thread.
class WatchOutput : public watch::MatchSink {
 public:
  /// All outlive it. `samples`: kept per rule, by index.
  WatchOutput(const WatchArgs& args, const watch::RuleSet& rules, const watch::Redactor& redactor,
              std::vector<int64_t> samples);

  /// The next matches are of this file; `offset` is that of the block's first byte.
  void at(std::string_view path, uint64_t offset);
  void matched(const watch::Match& match) override;
  void add(const watch::ScanCounts& counts) { counts_ += counts; }
  /// Lines that were found, pushed out.
  void flush();
  void summary();
  bool any() const { return any_; }

 private:
  struct Hit {
    std::string path;
    uint64_t offset = 0;
    std::string text;
    std::string fields;  ///< JSON
  };
  struct Tally {
    int64_t matched = 0;
    Hit first, last;
    std::vector<Hit> samples;
  };
  std::string fields_json(const watch::Match& match) const;
  std::string json() const;
  std::string table() const;

  const WatchArgs& args_;
  const watch::RuleSet& rules_;
  const watch::Redactor& redactor_;
  std::vector<int64_t> samples_max_;
  bool lines_;  ///< prints lines as they come
  std::string path_;
  uint64_t block_offset_ = 0;
  uint64_t last_line_ = UINT64_MAX;  ///< offset of the line that was printed last, for rules that share it
  std::vector<Tally> tallies_;
  watch::ScanCounts counts_;
  std::string out_;
  bool any_ = false;
};

}  // namespace waybill::cli
