#include "cli/topic_reader.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <array>
#include <memory>
#include <vector>

namespace waybill::cli {
namespace {

constexpr int kRequestMs = 5000;
constexpr int kConnectMs =
    10'000;  ///< a freshly started client needs a moment until the first broker answers
constexpr int kPollMs = 200;

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* p) const {
    destroy(p);
  }
};
struct Close {
  void operator()(rd_kafka_t* client) const {
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
  }
};
using Client = std::unique_ptr<rd_kafka_t, Close>;
using Partitions =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy<&rd_kafka_topic_partition_list_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, Destroy<&rd_kafka_message_destroy>>;

tl::unexpected<Error> failed(std::string_view what, rd_kafka_resp_err_t code) {
  Errc kind = Errc::kUnavailable;
  if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
    kind = Errc::kNotFound;
  if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
    kind = Errc::kDenied;
  return fail(kind, fmt::format("{}: {}", what, rd_kafka_err2str(code)));
}

Result<Client> make_client(const ClusterConfig& cluster) {
  std::unique_ptr<rd_kafka_conf_t, Destroy<&rd_kafka_conf_destroy>> conf(rd_kafka_conf_new());
  std::array<char, 512> reason{};
  auto set = [&](const std::string& name, const std::string& value) {
    return rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason.data(), reason.size()) ==
           RD_KAFKA_CONF_OK;
  };
  for (const auto& [name, value] : cluster.properties) {
    if (!set(name, value)) return fail(Errc::kInvalid, reason.data());
  }
  for (const auto& [name, value] :
       {std::pair{"group.id", "waybill-reports-reader"}, std::pair{"enable.auto.commit", "false"},
        std::pair{"enable.partition.eof", "true"}, std::pair{"auto.offset.reset", "earliest"},
        std::pair{"client.id", "waybill-reports"}}) {
    if (!set(name, value)) return fail(Errc::kInvalid, reason.data());
  }
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), reason.data(), reason.size());
  if (!client) return fail(Errc::kInvalid, reason.data());
  (void)conf.release();  // rd_kafka_new has taken it
  rd_kafka_poll_set_consumer(client);
  return Client(client);
}

Result<int32_t> partition_count(rd_kafka_t* client, const std::string& topic) {
  std::unique_ptr<rd_kafka_topic_t, Destroy<&rd_kafka_topic_destroy>> handle(
      rd_kafka_topic_new(client, topic.c_str(), nullptr));
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle.get(), &metadata, kConnectMs);
  if (code) return failed("asking for the topic " + topic, code);
  std::unique_ptr<const rd_kafka_metadata_t, Destroy<&rd_kafka_metadata_destroy>> keep(metadata);
  if (metadata->topic_cnt != 1) return fail(Errc::kNotFound, "there is no topic " + topic);
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  if (found.err) return failed("topic " + topic, found.err);
  return found.partition_cnt;
}

/// Where each partition begins, assigned to the client.
Result<void> assign(rd_kafka_t* client, const TopicReaderOptions& options, int32_t count) {
  Partitions list(rd_kafka_topic_partition_list_new(count));
  for (int32_t p = 0; p < count; ++p) {
    rd_kafka_topic_partition_list_add(list.get(), options.topic.c_str(), p)->offset =
        options.from_ms.value_or(RD_KAFKA_OFFSET_BEGINNING);
  }
  if (options.from_ms) {
    // Offsets hold times here; they become offsets, or the end where nothing is as new.
    if (auto code = rd_kafka_offsets_for_times(client, list.get(), kRequestMs))
      return failed("looking for the time", code);
  }
  if (auto code = rd_kafka_assign(client, list.get())) return failed("assigning partitions", code);
  return {};
}

}  // namespace

Result<void> read_topic(const TopicReaderOptions& options,
                        const std::function<bool(const TopicRecord&)>& each,
                        const std::function<bool(bool idle)>& go_on) {
  auto client = make_client(options.cluster);
  if (!client) return tl::make_unexpected(client.error());
  auto count = partition_count(client->get(), options.topic);
  if (!count) return tl::make_unexpected(count.error());
  if (auto assigned = assign(client->get(), options, *count); !assigned) return assigned;
  std::vector<bool> ended(static_cast<size_t>(*count), false);
  int32_t open = *count;
  while (open > 0 || options.follow) {
    Message message(rd_kafka_consumer_poll(client->get(), kPollMs));
    if (!go_on(!message || message->err)) return {};
    if (!message) continue;
    auto partition = static_cast<size_t>(std::max(0, message->partition));
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (partition < ended.size() && !ended[partition]) {
        ended[partition] = true;
        --open;
      }
    } else if (message->err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !options.follow) {
      return failed("reading " + options.topic, message->err);
    } else if (message->err && message->err != RD_KAFKA_RESP_ERR__TRANSPORT &&
               message->err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
      return failed("reading " + options.topic, message->err);
    } else if (!message->err) {
      TopicRecord record{message->partition,
                         message->offset,
                         rd_kafka_message_timestamp(message.get(), nullptr),
                         {static_cast<const char*>(message->payload), message->len}};
      if (!each(record)) return {};
    }
  }
  return {};
}

}  // namespace waybill::cli
