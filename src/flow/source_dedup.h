#pragma once
// Drops what a crash made the agent send twice (docs/agent.md): each record of a followed file carries the
// header "waybill-src: <file id>:<byte offset>", and within a partition the offsets of a file ascend unless
// they are repeats.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "flow/record.h"

namespace waybill::flow {

inline constexpr std::string_view kSourceHeader = "waybill-src";

/// Where a record comes from.
struct SourceMark {
  uint64_t file = 0;
  uint64_t offset = 0;
  bool operator==(const SourceMark&) const = default;
};

/// "0123456789abcdef:4711": 16 lower-case hexadecimal digits and a decimal number.
inline constexpr size_t kSourceMarkBytesMax = 16 + 1 + 20;
/// Writes it to `to`, which has kSourceMarkBytesMax bytes. Returns the length.
size_t write_source_mark(const SourceMark& mark, char* to);
/// nullopt when the text is nothing of the kind.
std::optional<SourceMark> parse_source_mark(std::string_view text);

/// High-water per partition and file: part of a Task's state, so that it commits with the results. Pure,
/// single-threaded.
class SourceDedup {
 public:
  /// `entries_max` >= 1: beyond it the eighth of the entries that were not used for longest is forgotten; a
  /// repeat of those would count as new. 80 bytes an entry; a file that is rotated hourly needs 24 a day and
  /// partition.
  explicit SourceDedup(size_t entries_max = 100'000);

  enum class Verdict : uint8_t {
    kNew,       ///< count it; the high-water now includes it
    kRepeated,  ///< it was seen: drop it
    kUnmarked,  ///< it has no (readable) mark: count it
  };
  /// About 100 ns a marked record. Call it once per record, in the order of the partition.
  Verdict look(PartitionId partition, std::span<const Header> headers);

  uint64_t repeated() const { return repeated_; }
  uint64_t forgotten() const { return forgotten_; }
  size_t size() const { return marks_.size(); }
  /// Something is to be saved since the last encode() or encode_changes().
  bool changed() const { return !dirty_.empty() || changed_; }

  /// All of it, to be kept as a segment of the state.
  std::string encode();
  size_t encoded_bytes() const;  ///< of encode()
  /// What is new since the last encode() or encode_changes(), to be appended to that segment.
  std::string encode_changes();
  /// kCorrupt when `bytes` are not from encode(), with any number of encode_changes() behind it. Replaces
  /// what is there.
  Result<void> restore(std::string_view bytes);

 private:
  struct High {
    uint64_t offset = 0;  ///< the highest that was seen
    uint64_t used = 0;    ///< value of tick_ at the last use
    bool dirty = false;   ///< in dirty_
  };
  using Key = std::pair<uint64_t, int32_t>;  ///< file, partition
  using Marks = std::map<Key, High>;
  void forget();
  void touch(Marks::value_type& entry);
  void put_head(std::string& bytes, size_t entries) const;

  size_t entries_max_;
  Marks marks_;
  Marks::iterator last_ = marks_.end();
  std::vector<Key> dirty_;  ///< changed since the last encoding; may name what was forgotten since
  uint64_t tick_ = 0;
  uint64_t repeated_ = 0;
  uint64_t forgotten_ = 0;
  bool changed_ = false;
};

}  // namespace waybill::flow
