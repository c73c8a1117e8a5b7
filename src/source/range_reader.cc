#include "source/range_reader.h"

#include <algorithm>
#include <array>

#include "base/deadline.h"
#include "source/properties.h"

namespace waybill::source {
namespace {

constexpr size_t kPreviewMax = 1024;

Result<ClientHandle> open_reader(const KafkaCluster& cluster, const char* isolation, const LogFn* log) {
  // Most ranges are a few messages: what a fetch brings beyond them is read for nothing.
  // A leader that moved must be found while its old broker stays away: what is cached must expire before it is
  // refreshed, because a refresh keeps a cached leader that librdkafka 2.0 cannot reach.
  const std::array<Property, 6> defaults{{
      {"client.id", "waybill-reader"},
      {"topic.metadata.refresh.interval.ms", "10000"},
      {"metadata.max.age.ms", "5000"},
      {"fetch.wait.max.ms", "100"},
      {"reconnect.backoff.max.ms", "2000"},
      {"fetch.message.max.bytes", "8192"},
  }};
  const std::array<Property, 7> forced{{
      {"isolation.level", isolation},
      {"enable.partition.eof", "true"},
      {"auto.offset.reset", "error"},
      {"enable.auto.commit", "false"},
      {"allow.auto.create.topics", "false"},
      {"queued.min.messages", "1000"},
      {"queued.max.messages.kbytes", "4096"},
  }};
  auto conf = make_conf(cluster, defaults, forced);
  if (!conf) return tl::make_unexpected(conf.error());
  set_log(conf->get(), log);
  return make_client(RD_KAFKA_CONSUMER, std::move(*conf));
}

Result<flow::Bounds> query_bounds(rd_kafka_t* client, const flow::SourcePartition& partition,
                                  const Deadline& deadline) {
  int64_t low = 0, high = 0;
  auto code = rd_kafka_query_watermark_offsets(client, partition.topic.c_str(), partition.partition.value,
                                               &low, &high, deadline.left_ms());
  if (code) return kafka_error("bounds of " + partition.str(), code);
  return flow::Bounds{Offset(low), Offset(high)};
}

/// One range being read by the simple consumer. Stops fetching when it goes out of scope.
class RangeFetch {
 public:
  RangeFetch(rd_kafka_t* client, const flow::SourcePartition& partition)
      : queue_(rd_kafka_queue_new(client)),
        topic_(rd_kafka_topic_new(client, partition.topic.c_str(), nullptr)),
        partition_(partition.partition.value) {}
  ~RangeFetch() {
    if (started_) rd_kafka_consume_stop(topic_.get(), partition_);
  }
  RangeFetch(const RangeFetch&) = delete;
  RangeFetch& operator=(const RangeFetch&) = delete;

  rd_kafka_resp_err_t start(Offset from) {
    if (!topic_) return rd_kafka_last_error();
    if (rd_kafka_consume_start_queue(topic_.get(), partition_, from.value, queue_.get()) == -1) {
      return rd_kafka_last_error();
    }
    started_ = true;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  MessageHandle next(int timeout_ms) {
    return MessageHandle(rd_kafka_consume_queue(queue_.get(), timeout_ms));
  }

 private:
  QueueHandle queue_;
  TopicHandle topic_;
  int32_t partition_;
  bool started_ = false;
};

flow::RangeRecord to_record(const rd_kafka_message_t& message, bool values) {
  flow::RangeRecord record;
  record.offset = Offset(message.offset);
  record.size_bytes = static_cast<int64_t>(message.key_len + message.len);
  rd_kafka_timestamp_type_t type;
  int64_t time_ms = rd_kafka_message_timestamp(&message, &type);
  if (time_ms >= 0 && type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) {
    record.time_ms = time_ms;
    record.time_type =
        type == RD_KAFKA_TIMESTAMP_CREATE_TIME ? flow::TimeType::kCreate : flow::TimeType::kAppend;
  }
  if (values) {
    record.key.assign(static_cast<const char*>(message.key), std::min(message.key_len, kPreviewMax));
    record.value.assign(static_cast<const char*>(message.payload), std::min(message.len, kPreviewMax));
  }
  return record;
}

/// Reads [answer.judged_to, end) into the answer until the range, a limit or the time ends.
Result<void> read_records(RangeFetch& fetch, Offset end, const flow::ReadLimits& limits,
                          const Deadline& deadline, flow::RangeAnswer& answer) {
  int64_t bytes = 0;
  while (answer.judged_to < end) {
    int left_ms = deadline.left_ms();
    MessageHandle message = left_ms > 0 ? fetch.next(left_ms) : nullptr;
    if (!message) return {};  // out of time: what was judged so far stands
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      answer.judged_to = std::clamp(Offset(message->offset), answer.judged_to, end);
      return {};
    }
    // The log start moved past the position since the bounds were read: the caller asks again with new
    // bounds.
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) return {};
    if (message->err) return kafka_error("reading a range", message->err);
    Offset offset(message->offset);
    if (offset < answer.judged_to) continue;
    if (offset >= end) {
      answer.judged_to = end;
      return {};
    }
    answer.records.push_back(to_record(*message, limits.values));
    answer.judged_to = offset + 1;
    bytes += answer.records.back().size_bytes;
    if (static_cast<int64_t>(answer.records.size()) >= limits.messages_max || bytes >= limits.bytes_max)
      return {};
  }
  return {};
}

}  // namespace

Result<void> KafkaRangeReader::open(const KafkaCluster& cluster) {
  auto committed = open_reader(cluster, "read_committed", &log_);
  if (!committed) return tl::make_unexpected(committed.error());
  auto uncommitted = open_reader(cluster, "read_uncommitted", &log_);
  if (!uncommitted) return tl::make_unexpected(uncommitted.error());
  committed_.client = std::move(*committed);
  uncommitted_.client = std::move(*uncommitted);
  return {};
}

Result<flow::RangeAnswer> KafkaRangeReader::read(const flow::SourcePartition& partition, OffsetRange range,
                                                 flow::Isolation isolation, const flow::ReadLimits& limits) {
  Deadline deadline(limits.timeout);
  Reader& reader = isolation == flow::Isolation::kCommitted ? committed_ : uncommitted_;
  std::unique_lock lock(reader.mutex, deadline.end());
  if (!lock)
    return fail(Errc::kUnavailable, "reading " + partition.str() + ": other readings took all the time");
  auto bounds = query_bounds(reader.client.get(), partition, deadline);
  if (!bounds) return tl::make_unexpected(bounds.error());
  flow::RangeAnswer answer;
  answer.bounds = *bounds;
  // Nothing is left below the log start, and that much is known without reading.
  answer.judged_to = std::clamp(bounds->start, range.begin, std::max(range.begin, range.end));
  if (answer.judged_to >= range.end || answer.judged_to >= bounds->end) return answer;
  RangeFetch fetch(reader.client.get(), partition);
  if (auto code = fetch.start(answer.judged_to)) return kafka_error("reading " + partition.str(), code);
  auto done = read_records(fetch, range.end, limits, deadline, answer);
  if (!done) return tl::make_unexpected(std::move(done.error()).within(partition.str()));
  return answer;
}

Result<flow::Bounds> KafkaRangeReader::bounds(const flow::SourcePartition& partition, Millis timeout) {
  // librdkafka's clients are thread-safe; the mutex only keeps two readings of one partition apart.
  return query_bounds(uncommitted_.client.get(), partition, Deadline(timeout));
}

Result<std::unique_ptr<flow::RangeReader>> make_kafka_range_reader(const KafkaCluster& cluster, LogFn log) {
  auto reader = std::make_unique<KafkaRangeReader>(std::move(log));
  if (auto opened = reader->open(cluster); !opened) return tl::make_unexpected(opened.error());
  return reader;
}

}  // namespace waybill::source
