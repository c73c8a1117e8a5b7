#include "cli/ledger_search_once.h"

#include <algorithm>
#include <cstring>

#include "cli/ledger_search.h"
#include "flow/seen_records.h"
#include "flow/watermark.h"

namespace waybill::cli {
namespace {

constexpr Millis kPollWait{200};
constexpr Millis kIdleAfter{5'000};
constexpr size_t kBlockBytes = 512 << 10;

/// One index, without a store: each document once.
class SearchReader final : public flow::Assignments {
 public:
  explicit SearchReader(source::OpensearchSourceOptions options)
      : seen_(options.late.count() + kSeenSlackMs),
        marks_(kIdleAfter),
        source_(source::make_opensearch_source(std::move(options), *this, system_clock(),
                                               [](LogLevel, std::string_view) {})) {
    heard_ms_ = system_clock().now().steady_ms;
  }
  ~SearchReader() override { source_->close(); }

  std::vector<flow::SourcePartition> assigned(std::span<const flow::SourcePartition> partitions) override {
    partition_ = partitions.front();
    marks_.add(partition_, system_clock().now());
    return {partitions.begin(), partitions.end()};
  }
  void revoked(std::span<const flow::SourcePartition>, flow::RevokeReason) override {}

  Result<flow::Batch> poll(Millis wait) {
    auto batch = source_->poll(wait);
    if (!batch) return batch;
    const Now now = system_clock().now();
    const flow::SourceHealth health = source_->health();
    if (!health.degraded || !batch->records.empty()) heard_ms_ = now.steady_ms;
    if (now.steady_ms - heard_ms_ > kSearchPatience.count())
      return fail(Errc::kUnavailable, "reading the ledger's index: " + health.detail);
    if (batch->from.topic.empty()) return batch;
    fresh_.clear();
    for (const flow::Record& record : batch->records) {
      if (seen_.add(record.key, record.offset)) fresh_.push_back(record);
    }
    seen_.pass(batch->next);
    next_ = batch->next;
    marks_.on_batch(*batch, now);
    batch->records = fresh_;
    return batch;
  }

  /// Everything that was searchable at the last look was handed out.
  bool finished() {
    auto bounds = source_->bounds(partition_);
    return bounds && next_ >= bounds->end;
  }

  flow::Watermark watermark() {
    marks_.on_end(partition_, finished());
    return marks_.watermark(system_clock().now());
  }

 private:
  flow::SeenRecords seen_;
  flow::WatermarkTracker marks_;
  flow::SourcePartition partition_;
  Offset next_{INT64_MIN};
  int64_t heard_ms_ = 0;
  std::vector<flow::Record> fresh_;
  std::unique_ptr<flow::Source> source_;
};

/// Documents as lines, a page in several blocks.
class SearchInput final : public LedgerInput {
 public:
  SearchInput(const source::OpensearchSourceOptions& options, StopSignal& signal)
      : reader_(options), index_(options.index), signal_(signal) {
    // A wrong address or password is told at once, without waiting for it to become right.
    if (auto kind = search::Connection(options.server).kind(); !kind)
      errors_.push_back(std::move(kind.error()));
  }

  std::optional<LedgerBlock> next(std::unique_ptr<source::BlockBuffer> buffer) override {
    while (at_ == batch_.records.size()) {
      if (!errors_.empty() || reader_.finished()) return std::nullopt;
      if (signal_.wait(Millis{0})) {
        errors_.push_back({Errc::kUnavailable, "stopped before everything was read: figures are incomplete"});
        return std::nullopt;
      }
      auto batch = reader_.poll(kPollWait);
      if (!batch) {
        errors_.push_back(std::move(batch.error()));
        return std::nullopt;
      }
      batch_ = *batch;
      at_ = 0;
    }
    if (!buffer) buffer = std::make_unique<source::BlockBuffer>();
    return cut(std::move(buffer));
  }

  std::string place(uint64_t, uint64_t, const std::vector<uint32_t>&) override { return {}; }
  std::vector<Error> take_errors() override { return std::exchange(errors_, {}); }

 private:
  LedgerBlock cut(std::unique_ptr<source::BlockBuffer> buffer) {
    LedgerBlock block;
    block.from = index_;
    size_t bytes = 0;
    const size_t first = at_;
    do {
      bytes += batch_.records[at_].value.size() + 1;
      block.names.emplace_back(batch_.records[at_].key);
      ++at_;
    } while (at_ < batch_.records.size() && bytes + batch_.records[at_].value.size() < kBlockBytes);
    buffer->reserve(bytes, 0);
    char* to = buffer->data();
    for (size_t i = first; i < at_; ++i) {
      const std::string_view value = batch_.records[i].value;
      // Valid JSON has newlines between its parts only.
      to = std::replace_copy(value.begin(), value.end(), to, '\n', ' ');
      *to++ = '\n';
    }
    std::memset(to, 0, source::BlockBuffer::kPadding);
    block.lines.bytes = {buffer->data(), bytes};
    block.lines.buffer = std::move(buffer);
    return block;
  }

  SearchReader reader_;
  std::string index_;
  StopSignal& signal_;
  flow::Batch batch_{};
  size_t at_ = 0;
  std::vector<Error> errors_;
};

class SearchFeed final : public LedgerFeed {
 public:
  explicit SearchFeed(source::OpensearchSourceOptions options) : reader_(std::move(options)) {}
  Result<flow::Batch> poll(Millis wait) override { return reader_.poll(wait); }
  flow::Watermark watermark(Now) override { return reader_.watermark(); }
  bool files() const override { return false; }

 private:
  SearchReader reader_;
};

}  // namespace

std::unique_ptr<LedgerInput> read_search_once(const LedgerSettings& settings, const search::Server& server,
                                              LedgerSearchOptions options, StopSignal& signal) {
  source::OpensearchSourceOptions wanted = search_source_options(settings, server);
  wanted.since_ms = options.since_ms;
  wanted.batch = options.batch;
  wanted.follow = false;
  return std::make_unique<SearchInput>(wanted, signal);
}

std::unique_ptr<LedgerFeed> follow_search(const LedgerSettings& settings, const search::Server& server,
                                          LedgerSearchOptions options) {
  source::OpensearchSourceOptions wanted = search_source_options(settings, server);
  wanted.since_ms = options.since_ms;
  wanted.batch = options.batch;
  return std::make_unique<SearchFeed>(std::move(wanted));
}

}  // namespace waybill::cli
