#include "source/kafka_producer.h"

#include <algorithm>
#include <array>

#include "source/handle.h"
#include "source/properties.h"

namespace waybill::source {
namespace {

/// A delivery costs librdkafka and us so much besides the bytes: message, headers, bookkeeping.
constexpr int64_t kMessageOverheadBytes = 300;

class KafkaProducer final : public flow::Producer {
 public:
  ~KafkaProducer() override {
    if (client_) rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  }

  Result<void> open(const KafkaProducerOptions& options, const LogFn& log) {
    const std::array<Property, 9> defaults = {
        Property{"client.id", options.client_id},
        Property{"linger.ms", "5"},
        Property{"compression.codec", "lz4"},
        Property{"partitioner", "murmur2_random"},
        Property{"message.max.bytes", std::to_string(options.record_bytes_max + (64 << 10))},
        Property{"queue.buffering.max.kbytes",
                 std::to_string(std::max<int64_t>(1, options.in_flight_bytes_max / 1024))},
        Property{
            "queue.buffering.max.messages",
            std::to_string(std::max<int64_t>(1000, options.in_flight_bytes_max / kMessageOverheadBytes))},
        Property{"log.connection.close", "false"},
        Property{"socket.keepalive.enable", "true"}};
    const std::array<Property, 3> forced = {Property{"enable.idempotence", "true"}, Property{"acks", "all"},
                                            Property{"message.timeout.ms", "0"}};
    auto conf = make_conf(options.cluster, defaults, forced);
    if (!conf) return tl::make_unexpected(std::move(conf).error());
    log_ = log;
    set_log(conf->get(), &log_);
    rd_kafka_conf_set_dr_msg_cb(conf->get(), &on_delivery);
    rd_kafka_conf_set_events(conf->get(), 0);
    auto client = make_client(RD_KAFKA_PRODUCER, *std::move(conf));
    if (!client) return tl::make_unexpected(std::move(client).error());
    client_ = *std::move(client);
    topic_.reset(rd_kafka_topic_new(client_.get(), options.topic.c_str(), nullptr));
    if (!topic_) return kafka_error("topic " + options.topic, rd_kafka_last_error());
    return {};
  }

  Taken send(const flow::OutRecord& record) override {
    rd_kafka_headers_t* const headers = rd_kafka_headers_new(record.headers.size());
    for (const flow::Header& header : record.headers)
      rd_kafka_header_add(headers, header.key.data(), static_cast<ssize_t>(header.key.size()),
                          header.value.data(), static_cast<ssize_t>(header.value.size()));
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        client_.get(), RD_KAFKA_V_RKT(topic_.get()), RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE(const_cast<char*>(record.value.data()), record.value.size()),
        RD_KAFKA_V_KEY(record.has_key ? record.key.data() : nullptr, record.has_key ? record.key.size() : 0),
        RD_KAFKA_V_TIMESTAMP(record.time_ms), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE(reinterpret_cast<void*>(record.token)), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return Taken::kYes;
    rd_kafka_headers_destroy(headers);  // still ours
    if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) return Taken::kRefused;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) note_failure(error);
    return Taken::kFull;
  }

  void poll(Millis wait, std::vector<flow::Outcome>& out) override {
    into_ = &out;
    polling_ = this;
    rd_kafka_poll(client_.get(), static_cast<int>(wait.count()));
    polling_ = nullptr;
    into_ = nullptr;
    std::array<char, 256> reason{};
    const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(client_.get(), reason.data(), reason.size());
    if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR && !failed_) failed_ = Error{Errc::kUnavailable, reason.data()};
  }

  std::optional<Error> failed() const override { return failed_; }

 private:
  void note_failure(rd_kafka_resp_err_t error) {
    if (!failed_) failed_ = kafka_error("sending", error).value();
  }

  /// Runs inside rd_kafka_poll only, so on the thread of poll().
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) noexcept try {
    if (polling_ == nullptr) return;
    flow::Outcome outcome;
    outcome.token = reinterpret_cast<uint64_t>(message->_private);
    outcome.partition = PartitionId(message->partition);
    outcome.offset = Offset(message->offset);
    outcome.code = message->err;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const bool too_large = message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
                             message->err == RD_KAFKA_RESP_ERR_INVALID_RECORD;
      outcome.kind = too_large ? flow::Outcome::Kind::kRefused : flow::Outcome::Kind::kFailed;
      if (!too_large) polling_->note_failure(message->err);
    }
    polling_->into_->push_back(outcome);
  } catch (...) {
    polling_->failed_.emplace();  // no memory for an outcome
  }

  static thread_local KafkaProducer* polling_;
  LogFn log_;
  ClientHandle client_;
  TopicHandle topic_;  // goes before the client
  std::vector<flow::Outcome>* into_ = nullptr;
  std::optional<Error> failed_;
};

thread_local KafkaProducer* KafkaProducer::polling_ = nullptr;

}  // namespace

Result<std::unique_ptr<flow::Producer>> make_kafka_producer(const KafkaProducerOptions& options,
                                                            const LogFn& log) {
  auto producer = std::make_unique<KafkaProducer>();
  if (auto opened = producer->open(options, log); !opened)
    return tl::make_unexpected(std::move(opened).error());
  return producer;
}

}  // namespace waybill::source
