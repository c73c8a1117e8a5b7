#include "cli/ledger_topics.h"

#include <fmt/format.h>

#include <cstring>

#include "base/types.h"

namespace waybill::cli {
namespace {

constexpr size_t kBlockBytes = 512 << 10;
constexpr Millis kPollWait{200};

/// Records as lines. A partition's batch is cut into blocks; what is behind the end is left out.
class TopicsInput final : public LedgerInput {
 public:
  TopicsInput(std::unique_ptr<LedgerTopics> topics, StopSignal& signal)
      : topics_(std::move(topics)), signal_(signal) {}

  std::optional<LedgerBlock> next(std::unique_ptr<source::BlockBuffer> buffer) override {
    while (at_ == batch_.records.size()) {
      if (std::exchange(left_, false)) topics_->leave(batch_.from);
      if (!errors_.empty() || topics_->finished()) return std::nullopt;
      if (signal_.wait(Millis{0})) {
        errors_.push_back({Errc::kUnavailable, "stopped before everything was read: figures are incomplete"});
        return std::nullopt;
      }
      auto batch = topics_->poll(kPollWait);
      if (!batch) {
        errors_.push_back(std::move(batch.error()));
        return std::nullopt;
      }
      batch_ = *batch;
      at_ = 0;
      if (batch_.from.topic.empty()) continue;
      const Offset end = topics_->end_of(batch_.from);
      size_t known = batch_.records.size();
      while (known > 0 && batch_.records[known - 1].offset >= end) --known;
      batch_.records = batch_.records.first(known);
      left_ = batch_.next >= end;
    }
    if (!buffer) buffer = std::make_unique<source::BlockBuffer>();
    return cut(std::move(buffer));
  }

  std::string place(uint64_t, uint64_t, const std::vector<uint32_t>&) override { return {}; }

  std::vector<Error> take_errors() override {
    if (topics_->expired() > 0) {
      errors_.push_back({Errc::kNotFound, fmt::format("{} messages were deleted by retention before they "
                                                      "were read: figures are incomplete",
                                                      topics_->expired())});
    }
    return std::exchange(errors_, {});
  }

 private:
  static bool single(const flow::Record& record) { return record.value.find('\n') != std::string_view::npos; }

  LedgerBlock cut(std::unique_ptr<source::BlockBuffer> buffer) {
    LedgerBlock block;
    block.from = batch_.from.str();
    block.single = single(batch_.records[at_]);
    const size_t first = at_;
    size_t bytes = 0;
    do {
      bytes += batch_.records[at_].value.size() + 1;
      ++at_;
    } while (!block.single && at_ < batch_.records.size() && !single(batch_.records[at_]) &&
             bytes + batch_.records[at_].value.size() < kBlockBytes);
    buffer->reserve(bytes, 0);
    char* to = buffer->data();
    int64_t expected = -1;
    for (size_t i = first; i < at_; ++i) {
      const flow::Record& record = batch_.records[i];
      if (record.offset.value != expected)
        block.offsets.emplace_back(static_cast<uint32_t>(i - first), record.offset.value);
      expected = record.offset.value + 1;
      std::memcpy(to, record.value.data(), record.value.size());
      to += record.value.size();
      *to++ = '\n';
    }
    std::memset(to, 0, source::BlockBuffer::kPadding);
    block.lines.bytes = {buffer->data(), block.single ? bytes - 1 : bytes};
    block.lines.buffer = std::move(buffer);
    return block;
  }

  std::unique_ptr<LedgerTopics> topics_;
  StopSignal& signal_;
  flow::Batch batch_{};
  size_t at_ = 0;
  bool left_ = false;  ///< the batch reached the end of its partition
  std::vector<Error> errors_;
};

class TopicsFeed final : public LedgerFeed {
 public:
  explicit TopicsFeed(std::unique_ptr<LedgerTopics> topics) : topics_(std::move(topics)) {}
  Result<flow::Batch> poll(Millis wait) override { return topics_->poll(wait); }
  flow::Watermark watermark(Now) override { return topics_->watermark(); }
  bool files() const override { return false; }

 private:
  std::unique_ptr<LedgerTopics> topics_;
};

}  // namespace

Result<std::unique_ptr<LedgerTopics>> LedgerTopics::open(const LedgerTopicsOptions& options,
                                                         const Clock& clock) {
  std::unique_ptr<LedgerTopics> topics(new LedgerTopics(clock));
  LogFn log = [](LogLevel, std::string_view) {};
  auto reader = source::make_kafka_range_reader(options.cluster, log);
  if (!reader) return tl::make_unexpected(std::move(reader.error()));
  topics->reader_ = std::move(*reader);
  // No group has this name, so none has positions under it.
  const std::string name = "waybill-ledger-once-" + Id128::random().hex();
  source::KafkaSourceOptions wanted{.cluster = options.cluster,
                                    .group = name,
                                    .member = "waybill-ledger",
                                    .topics = options.topics,
                                    .start = {source::StartAt::Kind::kTime, options.from_ms},
                                    .store_id = "",
                                    .whole = true,
                                    .lines = true};
  auto source = source::make_kafka_source(std::move(wanted), *topics, clock, log);
  if (!source) return tl::make_unexpected(std::move(source.error()));
  topics->source_ = std::move(*source);
  topics->heard_ms_ = clock.now().steady_ms;
  return topics;
}

LedgerTopics::~LedgerTopics() {
  if (source_) source_->close();
}

std::vector<flow::SourcePartition> LedgerTopics::assigned(std::span<const flow::SourcePartition> partitions) {
  for (const flow::SourcePartition& partition : partitions) {
    auto known = places_.find(partition);
    if (known != places_.end()) {  // the topic has grown: the whole set is assigned anew
      if (known->second.next >= Offset(0)) (void)source_->seek(partition, known->second.next);
      continue;
    }
    // Under read_committed the answer's end is the last stable offset, which is what can be read.
    auto answer = reader_->read(partition, {Offset(0), Offset(0)}, flow::Isolation::kCommitted, {});
    if (!answer) {
      trouble_ = answer.error().message;
      return {};  // offered again
    }
    places_[partition].end = answer->bounds.end;
    marks_.add(partition, clock_.now());
  }
  return {partitions.begin(), partitions.end()};
}

Result<flow::Batch> LedgerTopics::poll(Millis wait) {
  auto batch = source_->poll(wait);
  if (!batch) return batch;
  const Now now = clock_.now();
  if (!batch->from.topic.empty()) {
    places_[batch->from].next = batch->next;
    marks_.on_batch(*batch, now);
    if (batch->gap) expired_ += batch->gap->range.size();
    heard_ms_ = now.steady_ms;
  } else if (finished()) {
    heard_ms_ = now.steady_ms;  // nothing has to come
  }
  if (now.steady_ms - heard_ms_ < kPatience.count()) return batch;
  const flow::SourceHealth health = source_->health();
  return fail(Errc::kUnavailable, "reading the ledger's topics: " + (!health.detail.empty() ? health.detail
                                                                     : !trouble_.empty()    ? trouble_
                                                                                         : "nothing comes"));
}

bool LedgerTopics::finished() const {
  for (const auto& [partition, place] : places_) {
    if (place.next < place.end || place.next < Offset(0)) return false;
  }
  return !places_.empty();
}

flow::Watermark LedgerTopics::watermark() {
  for (const auto& [partition, place] : places_) {
    auto bounds = source_->bounds(partition);
    if (bounds && place.next >= Offset(0)) marks_.on_end(partition, place.next >= bounds->end);
  }
  return marks_.watermark(clock_.now());
}

std::unique_ptr<LedgerInput> read_once(std::unique_ptr<LedgerTopics> topics, StopSignal& signal) {
  return std::make_unique<TopicsInput>(std::move(topics), signal);
}

std::unique_ptr<LedgerFeed> follow_topics(std::unique_ptr<LedgerTopics> topics) {
  return std::make_unique<TopicsFeed>(std::move(topics));
}

}  // namespace waybill::cli
