#include "cli/demo_clients.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <random>

namespace waybill::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr size_t kMessageBytes = 100;
constexpr int kNoSuchPartition = 9999;
constexpr auto kFailEvery = milliseconds(1500);
constexpr auto kFaultEvery = milliseconds(2000);
constexpr auto kSlowFor =
    milliseconds(20'000);  ///< a slow reader catches up afterwards, before the log forgets
constexpr int kFlushMs = 5000;
constexpr int kAskMs = 3000;

struct DestroyConf {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};

Result<rd_kafka_t*> make(rd_kafka_type_t type, const DemoClientOptions& options,
                         const std::vector<std::pair<std::string, std::string>>& more, void* opaque,
                         void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void*)) {
  std::unique_ptr<rd_kafka_conf_t, DestroyConf> conf(rd_kafka_conf_new());
  std::array<char, 512> reason{};
  std::vector<std::pair<std::string, std::string>> all = {{"plugin.library.paths", options.plugin},
                                                          {"waybill.service", "demo"},
                                                          {"bootstrap.servers", options.bootstrap_servers},
                                                          {"client.id", options.client_id}};
  all.insert(all.end(), more.begin(), more.end());
  for (const auto& [name, value] : all) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason.data(), reason.size()) !=
        RD_KAFKA_CONF_OK) {
      return fail(Errc::kUnavailable, fmt::format("{}: {}", name, reason.data()));
    }
  }
  rd_kafka_conf_set_opaque(conf.get(), opaque);
  if (delivered) rd_kafka_conf_set_dr_msg_cb(conf.get(), delivered);
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), reason.data(), reason.size());
  if (!client) return fail(Errc::kUnavailable, reason.data());
  (void)conf.release();  // rd_kafka_new has taken it
  return client;
}

/// The witness's book, and the thread. Derived classes stop the thread in their destructors.
class Threaded : public DemoClient {
 public:
  DemoWitness witness() const override {
    std::lock_guard lock(mutex_);
    return witness_;
  }

 protected:
  void saw(const char* topic, int32_t partition, int64_t offset) {
    std::lock_guard lock(mutex_);
    std::vector<uint32_t>& times = witness_.times[{topic, partition}];
    if (times.size() <= static_cast<size_t>(offset)) times.resize(static_cast<size_t>(offset) + 1);
    ++times[static_cast<size_t>(offset)];
  }

  mutable std::mutex mutex_;
  DemoWitness witness_;
  std::jthread thread_;
};

class Producer : public Threaded {
 public:
  explicit Producer(DemoProducerOptions options) : options_(std::move(options)) {}
  ~Producer() override { stop(); }

  Result<void> start() {
    // Few large batches: the embedded broker finds an offset by looking at every batch that it keeps.
    auto client = make(RD_KAFKA_PRODUCER, options_.client, {{"linger.ms", "100"}}, this, on_delivery);
    if (!client) return tl::make_unexpected(client.error());
    client_ = *client;
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    return {};
  }

  void stop() override {
    if (!client_) return;
    thread_.request_stop();
    thread_.join();
    rd_kafka_flush(client_, kFlushMs);
    rd_kafka_destroy(client_);
    client_ = nullptr;
  }

 private:
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto* self = static_cast<Producer*>(opaque);
    if (message->err || rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_PERSISTED)
      return self->count_failure();
    self->saw(rd_kafka_topic_name(message->rkt), message->partition, message->offset);
  }

  void count_failure() {
    std::lock_guard lock(mutex_);
    ++witness_.failed[options_.topic];
  }

  void run(const std::stop_token& stop) {
    auto gap = std::chrono::microseconds(1'000'000 / options_.per_second);
    auto next = Clock::now();
    auto next_failure = next + kFailEvery;
    while (!stop.stop_requested()) {
      send(RD_KAFKA_PARTITION_UA);
      if (Clock::now() >= next_failure) {
        send(kNoSuchPartition);
        next_failure += kFailEvery;
      }
      next += gap;
      while (Clock::now() < next && !stop.stop_requested()) {
        auto left = std::chrono::duration_cast<milliseconds>(next - Clock::now());
        rd_kafka_poll(client_, static_cast<int>(std::clamp<int64_t>(left.count(), 1, 50)));
      }
    }
  }

  void send(int32_t partition) {
    std::string value(kMessageBytes, '.');
    std::string key = std::to_string(sent_++);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        client_, RD_KAFKA_V_TOPIC(options_.topic.c_str()), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_VALUE(value.data(), value.size()),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (code) count_failure();
  }

  DemoProducerOptions options_;
  rd_kafka_t* client_ = nullptr;
  int64_t sent_ = 0;
};

class Consumer : public Threaded {
 public:
  explicit Consumer(DemoConsumerOptions options)
      : options_(std::move(options)),
        random_(static_cast<uint32_t>(std::hash<std::string>{}(options_.client.client_id))) {}
  ~Consumer() override { stop(); }

  Result<void> start() {
    auto client = make(RD_KAFKA_CONSUMER, options_.client,
                       {{"group.id", options_.group},
                        {"auto.offset.reset", "earliest"},
                        {"auto.commit.interval.ms", "1000"},
                        {"session.timeout.ms", "6000"}},
                       this, nullptr);
    if (!client) return tl::make_unexpected(client.error());
    client_ = *client;
    rd_kafka_poll_set_consumer(client_);
    rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
    for (const std::string& topic : options_.topics)
      rd_kafka_topic_partition_list_add(topics, topic.c_str(), RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(client_, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code) return fail(Errc::kUnavailable, rd_kafka_err2str(code));
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    return {};
  }

  void stop() override {
    if (!client_) return;
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    rd_kafka_consumer_close(client_);
    rd_kafka_destroy(client_);
    client_ = nullptr;
  }

 private:
  void run(const std::stop_token& stop) {
    auto begin = Clock::now();
    auto next_fault = begin + kFaultEvery;
    while (!stop.stop_requested()) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, 100);
      if (message && !message->err) {
        saw(rd_kafka_topic_name(message->rkt), message->partition, message->offset);
        next_[{rd_kafka_topic_name(message->rkt), message->partition}] = message->offset + 1;
      }
      if (message) rd_kafka_message_destroy(message);
      if (options_.plants_faults && Clock::now() >= next_fault) {
        plant();
        next_fault = Clock::now() + kFaultEvery;
      }
      bool slow_now = options_.per_second_max > 0 && (Clock::now() - begin) % (2 * kSlowFor) < kSlowFor;
      if (slow_now) std::this_thread::sleep_for(milliseconds(1000 / options_.per_second_max));
    }
  }

  /// A seek forward and one back, in turns, over a few messages of a partition chosen by chance.
  void plant() {
    if (next_.empty()) return;
    auto at = std::next(next_.begin(), static_cast<int64_t>(random_() % next_.size()));
    int64_t length = 3 + static_cast<int64_t>(random_() % 18);
    bool forward = (planted_++ % 2) == 0;
    if (forward) {
      int64_t low = 0;
      int64_t high = 0;
      auto code = rd_kafka_query_watermark_offsets(client_, at->first.first.c_str(), at->first.second, &low,
                                                   &high, kAskMs);
      length = code ? 0
                    : std::min(length, high - at->second -
                                           1);  // one message behind it is read, which proves the skip
    } else {
      length = std::min(length, at->second);
    }
    if (length <= 0) return;
    seek(at->first, forward ? at->second + length : at->second - length);
    std::lock_guard lock(mutex_);
    ++(forward ? witness_.skips : witness_.repeats);
  }

  void seek(const DemoWitness::Place& place, int64_t offset) {
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, place.first.c_str(), place.second)->offset = offset;
    rd_kafka_error_t* error = rd_kafka_seek_partitions(client_, list, kAskMs);
    if (error) rd_kafka_error_destroy(error);  // the witness tells what was read in the end
    rd_kafka_topic_partition_list_destroy(list);
  }

  DemoConsumerOptions options_;
  rd_kafka_t* client_ = nullptr;
  std::map<DemoWitness::Place, int64_t> next_;
  std::minstd_rand random_;
  int64_t planted_ = 0;
};

}  // namespace

Result<std::unique_ptr<DemoClient>> DemoClient::produce(const DemoProducerOptions& options) {
  auto client = std::make_unique<Producer>(options);
  if (auto started = client->start(); !started) return tl::make_unexpected(started.error());
  return client;
}

Result<std::unique_ptr<DemoClient>> DemoClient::consume(const DemoConsumerOptions& options) {
  auto client = std::make_unique<Consumer>(options);
  if (auto started = client->start(); !started) return tl::make_unexpected(started.error());
  return client;
}

}  // namespace waybill::cli
