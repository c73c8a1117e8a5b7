#pragma once
// The records of one poll. librdkafka frees a message when the consume callback returns, so the callback
// copies it here.

#include <librdkafka/rdkafka.h>

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "flow/record.h"

namespace waybill::source {

struct PartitionState;

/// Records of one partition that were handed over one after another.
struct Run {
  PartitionState* partition = nullptr;  ///< null: dropped
  size_t first = 0;                     ///< index of the first record
  size_t count = 0;
  Offset next;
  std::optional<flow::Gap> gap = std::nullopt;
  std::string_view lines = {};  ///< Batch::lines
};

/// Filled by one poll, handed out run by run, then cleared. Copying 500 B costs about 6 % of what librdkafka
/// spends on a message, because the blocks are used again while they are in the cache. Not thread-safe. Views
/// die with clear().
class RecordArena {
 public:
  /// A poll is full at either limit. A larger message still fits: it gets a block of its own.
  static constexpr size_t kBytesMax = 512 << 10;
  static constexpr size_t kRecordsMax = 2048;

  struct Wanted {
    bool headers = false;  ///< copy headers too
    bool lines = false;    ///< keep Run::lines
  };
  explicit RecordArena(Wanted wanted) : wanted_(wanted) {}
  /// Copies a message and appends it to the newest run, or to a new one when the partition differs, or when
  /// it is no line and the others are.
  void add(PartitionState* partition, const rd_kafka_message_t& message);
  /// Reading has reached `next` without a record: the end of the log behind control records, or a gap.
  void add_mark(PartitionState* partition, Offset next, std::optional<flow::Gap> gap = std::nullopt);
  bool empty() const { return runs_.empty(); }
  bool full() const { return values_.used() + rest_.used() >= kBytesMax || records_.size() >= kRecordsMax; }

  /// The next run that was not dropped, or null. Its records: records(run).
  const Run* take();
  std::span<const flow::Record> records(const Run& run) const {
    return {records_.data() + run.first, run.count};
  }
  /// Forgets the runs of a partition that were not taken yet; true when there were any.
  bool drop(const PartitionState* partition);
  /// Frees what outgrew the first block.
  void clear();

 private:
  /// Bytes one after another, until a block is full. flow::kLinePadding bytes behind each piece are readable.
  class Region {
   public:
    char* allocate(size_t size);
    std::string_view copy(const void* bytes, size_t size);
    void clear();
    size_t used() const { return used_; }

   private:
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* at_ = nullptr;
    size_t left_ = 0;
    size_t used_ = 0;
  };

  std::string_view copy_line(std::string_view line);
  std::span<const flow::Header> copy_headers(const rd_kafka_headers_t* headers);
  Run& run_for(PartitionState* partition, const flow::Record& record, bool line);

  Wanted wanted_;
  std::vector<flow::Record> records_;
  std::vector<Run> runs_;
  size_t taken_ = 0;  ///< runs handed out
  Region values_;     ///< apart, so that lines stand side by side
  Region rest_;       ///< keys and headers
};

}  // namespace waybill::source
