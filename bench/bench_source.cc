// KafkaSource against a bare rd_kafka_consume_callback_queue read of the same messages, in turns, in one run.
// Usage: bench_source BOOTSTRAP [TOPIC=bench-source] [ROUNDS=5]. Fills the topic when it is empty. Reads the
// whole topic each time, checks count and offset sum, and prints one JSON object: messages per CPU second of
// the process (librdkafka's threads included) and the ratio of the medians.

#include <librdkafka/rdkafka.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/time.h"
#include "source/kafka.h"

namespace waybill {
namespace {

struct Total {
  int64_t messages = 0;
  int64_t bytes = 0;
  int64_t offset_sum = 0;
  int ends = 0;
  bool operator==(const Total&) const = default;
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](timeval t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int partition_count(const std::string& bootstrap, const std::string& topic) {
  source::KafkaCluster cluster{"bench", {{"bootstrap.servers", bootstrap}}};
  auto count = source::ensure_topic(cluster, {topic, 4, -1, {}}, Millis{20'000});
  if (count) return *count;
  std::fprintf(stderr, "%s\n", count.error().message.c_str());
  std::exit(3);
}

/// A million messages of 500 B, unless the topic has some already.
void fill(const std::string& bootstrap, const std::string& topic) {
  char reason[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap.c_str(), reason, sizeof reason);
  rd_kafka_conf_set(conf, "linger.ms", "20", reason, sizeof reason);
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
  int64_t low = 0, high = 0;
  rd_kafka_query_watermark_offsets(client, topic.c_str(), 0, &low, &high, 10'000);
  std::string value(500, 'x');
  for (int i = 0; high == 0 && i < 1'000'000;) {
    auto code = rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic.c_str()),
                                  RD_KAFKA_V_VALUE(value.data(), value.size()),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    i += code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code) rd_kafka_poll(client, 10);
  }
  rd_kafka_flush(client, 60'000);
  rd_kafka_destroy(client);
}

void add_bare(rd_kafka_message_t* message, void* opaque) {
  auto* total = static_cast<Total*>(opaque);
  if (message->err) {
    total->ends += message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    return;
  }
  ++total->messages;
  total->bytes += static_cast<int64_t>(message->len + message->key_len);
  total->offset_sum += message->offset;
}

Total read_bare(const std::string& bootstrap, const std::string& topic, int partitions) {
  char reason[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap.c_str(), reason, sizeof reason);
  rd_kafka_conf_set(conf, "enable.partition.eof", "true", reason, sizeof reason);
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  for (int p = 0; p < partitions; ++p)
    rd_kafka_consume_start_queue(handle, p, RD_KAFKA_OFFSET_BEGINNING, queue);
  Total total;
  while (total.ends < partitions) rd_kafka_consume_callback_queue(queue, 100, add_bare, &total);
  for (int p = 0; p < partitions; ++p) rd_kafka_consume_stop(handle, p);
  rd_kafka_queue_destroy(queue);
  rd_kafka_topic_destroy(handle);
  rd_kafka_destroy(client);
  return total;
}

class TakeAll final : public flow::Assignments {
 public:
  std::vector<flow::SourcePartition> assigned(std::span<const flow::SourcePartition> partitions) override {
    return {partitions.begin(), partitions.end()};
  }
  void revoked(std::span<const flow::SourcePartition>, flow::RevokeReason) override {}
};

Total read_source(const std::string& bootstrap, const std::string& topic, int64_t messages) {
  TakeAll take_all;
  source::KafkaSourceOptions options{
      {"bench", {{"bootstrap.servers", bootstrap}}}, "", "bench-source", {topic}, {}, ""};
  options.group = "bench-source-" + std::to_string(getpid());
  options.whole = true;  // assigned at once: what is measured is reading, not joining
  auto source = source::make_kafka_source(options, take_all, system_clock(), nullptr);
  if (!source) std::exit(3);
  Total total;
  while (total.messages < messages) {
    auto batch = (*source)->poll(Millis{100});
    if (!batch) std::exit(3);
    for (const auto& record : batch->records) {
      ++total.messages;
      total.bytes += static_cast<int64_t>(record.key.size() + record.value.size());
      total.offset_sum += record.offset.value;
    }
  }
  (*source)->close();
  return total;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int run(const std::string& bootstrap, const std::string& topic, int rounds) {
  int partitions = partition_count(bootstrap, topic);
  fill(bootstrap, topic);
  std::vector<double> bare_rates, source_rates;
  Total expected;
  for (int round = 0; round < rounds; ++round) {
    double began = cpu_seconds();
    Total bare = read_bare(bootstrap, topic, partitions);
    double middle = cpu_seconds();
    Total ours = read_source(bootstrap, topic, bare.messages);
    double ended = cpu_seconds();
    bare.ends = 0;
    if (round == 0) expected = bare;
    if (bare.messages == 0 || bare != expected || ours != expected) {
      std::fprintf(stderr, "wrong answer: bare %lld messages, source %lld\n",
                   static_cast<long long>(bare.messages), static_cast<long long>(ours.messages));
      return 1;
    }
    bare_rates.push_back(static_cast<double>(bare.messages) / (middle - began));
    source_rates.push_back(static_cast<double>(ours.messages) / (ended - middle));
  }
  std::printf(
      "{\"bench\":\"source\",\"messages\":%lld,\"bytes\":%lld,\"bare_per_cpu_second\":%.0f,"
      "\"source_per_cpu_second\":%.0f,\"ratio\":%.3f}\n",
      static_cast<long long>(expected.messages), static_cast<long long>(expected.bytes), median(bare_rates),
      median(source_rates), median(bare_rates) / median(source_rates));
  return 0;
}

}  // namespace
}  // namespace waybill

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_source BOOTSTRAP [TOPIC] [ROUNDS]\n");
    return 2;
  }
  return waybill::run(argv[1], argc > 2 ? argv[2] : "bench-source", argc > 3 ? std::atoi(argv[3]) : 5);
}
