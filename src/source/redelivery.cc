#include "source/redelivery.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/deadline.h"
#include "source/admin_request.h"
#include "source/properties.h"

namespace waybill::source {
namespace {

constexpr int64_t kNear = 1'000;  ///< offsets between two ranges that are read rather than jumped over
constexpr int kPollMs = 100;

Result<ClientHandle> open_client(const KafkaCluster& cluster, rd_kafka_type_t type,
                                 std::span<const Property> forced, void* opaque = nullptr) {
  const std::array<Property, 1> defaults{{{"client.id", "waybill-replay"}}};
  auto conf = make_conf(cluster, defaults, forced);
  if (!conf) return tl::make_unexpected(conf.error());
  set_log(conf->get(), nullptr);
  rd_kafka_conf_set_opaque(conf->get(), opaque);
  return make_client(type, std::move(*conf));
}

Result<ClientHandle> open_reader(const KafkaCluster& cluster) {
  const std::array<Property, 7> forced{{{"isolation.level", "read_committed"},
                                        {"enable.partition.eof", "true"},
                                        {"auto.offset.reset", "error"},
                                        {"enable.auto.commit", "false"},
                                        {"allow.auto.create.topics", "false"},
                                        {"fetch.wait.max.ms", "100"},
                                        {"queued.max.messages.kbytes", "16384"}}};
  return open_client(cluster, RD_KAFKA_CONSUMER, forced);
}

std::optional<std::string> bytes_of(const void* data, size_t size) {
  if (!data) return std::nullopt;
  return std::string(static_cast<const char*>(data), size);
}

WholeMessage whole(const rd_kafka_message_t& from) {
  WholeMessage m;
  m.offset = Offset(from.offset);
  rd_kafka_timestamp_type_t type;
  m.time_ms = rd_kafka_message_timestamp(&from, &type);
  if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) m.time_ms = -1;
  m.key = bytes_of(from.key, from.key_len);
  m.value = bytes_of(from.payload, from.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&from, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return m;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i)
    m.headers.emplace_back(name, bytes_of(value, size));
  return m;
}

/// Reads [from, end) of one partition and keeps what lies in `ranges`. True when a limit ended it.
Result<bool> read_stretch(rd_kafka_t* client, const flow::SourcePartition& partition,
                          std::span<const OffsetRange> ranges, const flow::ReadLimits& limits,
                          const Deadline& deadline, int64_t& bytes, WholeAnswer& answer) {
  QueueHandle queue(rd_kafka_queue_new(client));
  TopicHandle topic(rd_kafka_topic_new(client, partition.topic.c_str(), nullptr));
  if (!topic || rd_kafka_consume_start_queue(topic.get(), partition.partition.value, answer.judged_to.value,
                                             queue.get()) == -1)
    return kafka_error("reading " + partition.str(), rd_kafka_last_error());
  struct Stop {
    rd_kafka_topic_t* topic;
    int32_t partition;
    ~Stop() { rd_kafka_consume_stop(topic, partition); }
  } stop{topic.get(), partition.partition.value};
  const Offset end = ranges.back().end;
  size_t at = 0;
  while (answer.judged_to < end) {
    int left_ms = deadline.left_ms();
    MessageHandle message(left_ms > 0 ? rd_kafka_consume_queue(queue.get(), left_ms) : nullptr);
    if (!message) return true;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      answer.judged_to = std::clamp(Offset(message->offset), answer.judged_to, end);
      return answer.judged_to < end;
    }
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) return true;
    if (message->err) return kafka_error("reading " + partition.str(), message->err);
    Offset offset(message->offset);
    if (offset < answer.judged_to) continue;
    if (offset >= end) break;
    while (ranges[at].end <= offset) ++at;
    if (offset >= ranges[at].begin) {
      if (static_cast<int64_t>(answer.messages.size()) >= limits.messages_max) return true;
      WholeMessage m = whole(*message);
      if (bytes > 0 && bytes + m.bytes() > limits.bytes_max) return true;
      bytes += m.bytes();
      answer.messages.push_back(std::move(m));
    }
    answer.judged_to = offset + 1;
  }
  answer.judged_to = end;
  return false;
}

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto* out = static_cast<Delivered*>(message->_private);
  if (!out) return;
  auto status = rd_kafka_message_status(message);
  if (!message->err && status == RD_KAFKA_MSG_STATUS_PERSISTED && message->offset >= 0) {
    out->state = Delivered::State::kAcknowledged;
    out->partition = PartitionId(message->partition);
    out->offset = Offset(message->offset);
    return;
  }
  out->state =
      status == RD_KAFKA_MSG_STATUS_NOT_PERSISTED ? Delivered::State::kFailed : Delivered::State::kUnknown;
  out->error = message->err ? rd_kafka_err2str(message->err) : "acknowledged without an offset";
}

rd_kafka_resp_err_t produce(rd_kafka_t* client, const std::string& topic, const Outgoing& out,
                            Delivered* told) {
  const WholeMessage& m = out.message;
  rd_kafka_headers_t* headers = rd_kafka_headers_new(m.headers.size());
  for (const auto& [name, value] : m.headers) {
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()),
                        value ? value->data() : nullptr, value ? static_cast<ssize_t>(value->size()) : 0);
  }
  int32_t partition = out.partition.value < 0 ? RD_KAFKA_PARTITION_UA : out.partition.value;
  const void* key = m.key ? m.key->data() : nullptr;
  const size_t key_size = m.key ? m.key->size() : 0;
  // librdkafka copies the value; its C interface has no const here.
  void* value = m.value ? const_cast<char*>(m.value->data()) : nullptr;
  const size_t value_size = m.value ? m.value->size() : 0;
  const int64_t time_ms = std::max<int64_t>(m.time_ms, 0);
  auto code = rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
                                RD_KAFKA_V_VALUE(value, value_size), RD_KAFKA_V_TIMESTAMP(time_ms),
                                RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(told), RD_KAFKA_V_END);
  if (code) rd_kafka_headers_destroy(headers);
  return code;
}

/// All groups that this client may list.
Result<std::vector<std::string>> list_groups(rd_kafka_t* client, Millis timeout) {
  AdminRequest request(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, timeout);
  rd_kafka_ListConsumerGroups(client, request.options(), request.queue());
  auto event = request.wait("listing groups");
  if (!event) return tl::make_unexpected(event.error());
  size_t count = 0;
  const auto* result = rd_kafka_event_ListConsumerGroups_result(event->get());
  const auto** list = rd_kafka_ListConsumerGroups_result_valid(result, &count);
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.emplace_back(rd_kafka_ConsumerGroupListing_group_id(list[i]));
  return names;
}

Result<bool> has_commits(rd_kafka_t* client, const std::string& group, const std::string& topic,
                         Millis timeout) {
  AdminRequest request(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, timeout);
  std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t, Free<rd_kafka_ListConsumerGroupOffsets_destroy>> asked(
      rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), nullptr));
  rd_kafka_ListConsumerGroupOffsets_t* list[] = {asked.get()};
  rd_kafka_ListConsumerGroupOffsets(client, list, 1, request.options(), request.queue());
  auto event = request.wait("positions of group " + group);
  if (!event) return tl::make_unexpected(event.error());
  size_t count = 0;
  const auto** groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event->get()), &count);
  for (size_t g = 0; g < count; ++g) {
    const auto* partitions = rd_kafka_group_result_partitions(groups[g]);
    for (int i = 0; partitions && i < partitions->cnt; ++i) {
      if (partitions->elems[i].offset >= 0 && topic == partitions->elems[i].topic) return true;
    }
  }
  return false;
}

/// Those of `names` that have a member with a partition of the topic.
Result<std::set<std::string>> with_members(rd_kafka_t* client, const std::vector<std::string>& names,
                                           const std::string& topic, Millis timeout) {
  std::set<std::string> out;
  if (names.empty()) return out;
  std::vector<const char*> list;
  for (const std::string& name : names) list.push_back(name.c_str());
  AdminRequest request(client, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout);
  rd_kafka_DescribeConsumerGroups(client, list.data(), list.size(), request.options(), request.queue());
  auto event = request.wait("members of groups");
  if (!event) return tl::make_unexpected(event.error());
  size_t count = 0;
  const auto** groups = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event->get()), &count);
  for (size_t g = 0; g < count; ++g) {
    for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(groups[g]); ++i) {
      const auto* assignment =
          rd_kafka_MemberDescription_assignment(rd_kafka_ConsumerGroupDescription_member(groups[g], i));
      const auto* owned = assignment ? rd_kafka_MemberAssignment_partitions(assignment) : nullptr;
      for (int p = 0; owned && p < owned->cnt; ++p) {
        if (topic == owned->elems[p].topic) out.insert(rd_kafka_ConsumerGroupDescription_group_id(groups[g]));
      }
    }
  }
  return out;
}

}  // namespace

int64_t WholeMessage::bytes() const {
  size_t n = (key ? key->size() : 0) + (value ? value->size() : 0);
  for (const auto& [name, text] : headers) n += name.size() + (text ? text->size() : 0);
  return static_cast<int64_t>(n);
}

Result<WholeAnswer> Redelivery::read(const flow::SourcePartition& partition,
                                     std::span<const OffsetRange> ranges,
                                     const flow::ReadLimits& limits) const {
  WholeAnswer answer;
  if (ranges.empty()) return answer;
  Deadline deadline(limits.timeout);
  auto client = open_reader(cluster_);
  if (!client) return tl::make_unexpected(client.error());
  int64_t low = 0, high = 0;
  auto code = rd_kafka_query_watermark_offsets(client->get(), partition.topic.c_str(),
                                               partition.partition.value, &low, &high, deadline.left_ms());
  if (code) return kafka_error("bounds of " + partition.str(), code);
  answer.bounds = {Offset(low), Offset(high)};
  answer.judged_to = ranges.front().begin;
  int64_t bytes = 0;
  for (size_t i = 0; i < ranges.size();) {
    size_t next = i + 1;
    while (next < ranges.size() && ranges[next].begin - ranges[next - 1].end <= kNear) ++next;
    std::span<const OffsetRange> stretch = ranges.subspan(i, next - i);
    i = next;
    // Nothing is left below the log start, and nothing can be read at its end.
    answer.judged_to = std::max(stretch.front().begin, std::min(answer.bounds.start, stretch.back().end));
    if (answer.judged_to >= stretch.back().end) continue;
    if (answer.judged_to >= answer.bounds.end) return answer;
    auto ended = read_stretch(client->get(), partition, stretch, limits, deadline, bytes, answer);
    if (!ended) return tl::make_unexpected(ended.error());
    if (*ended) return answer;
  }
  return answer;
}

Result<std::vector<Delivered>> Redelivery::send(const std::string& topic, std::span<const Outgoing> messages,
                                                Millis timeout) const {
  std::vector<Delivered> told(messages.size());  // outlives the client
  const std::array<Property, 7> forced{{{"enable.idempotence", "true"},
                                        {"acks", "all"},
                                        {"partitioner", "murmur2_random"},
                                        {"allow.auto.create.topics", "false"},
                                        {"message.max.bytes", "1000000000"},
                                        {"message.timeout.ms", std::to_string(timeout.count())},
                                        {"linger.ms", "5"}}};
  const std::array<Property, 1> defaults{{{"client.id", "waybill-replay"}}};
  auto conf = make_conf(cluster_, defaults, forced);
  if (!conf) return tl::make_unexpected(conf.error());
  set_log(conf->get(), nullptr);
  rd_kafka_conf_set_dr_msg_cb(conf->get(), on_delivery);
  auto client = make_client(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!client) return tl::make_unexpected(client.error());
  Deadline deadline(timeout + Millis(2'000));
  for (size_t i = 0; i < messages.size(); ++i) {
    auto code = produce(client->get(), topic, messages[i], &told[i]);
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && deadline.left_ms() > 0) {
      rd_kafka_poll(client->get(), kPollMs);
      code = produce(client->get(), topic, messages[i], &told[i]);
    }
    if (code) told[i] = {Delivered::State::kFailed, PartitionId(-1), Offset(-1), rd_kafka_err2str(code)};
  }
  // Every message is answered by message.timeout.ms; what is left after that is purged and stays unknown.
  rd_kafka_flush(client->get(), deadline.left_ms());
  rd_kafka_purge(client->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(client->get(), kPollMs);
  return told;
}

Result<std::vector<std::string>> Redelivery::groups_reading(const std::string& topic, Millis timeout) const {
  Deadline deadline(timeout);
  auto client = open_client(cluster_, RD_KAFKA_CONSUMER, {});
  if (!client) return tl::make_unexpected(client.error());
  auto names = list_groups(client->get(), Millis(deadline.left_ms()));
  if (!names) return tl::make_unexpected(names.error());
  if (names->size() > kGroupsMax)
    return fail(Errc::kLimit,
                "the cluster has " + std::to_string(names->size()) + " groups, more than are asked about");
  auto found = with_members(client->get(), *names, topic, Millis(deadline.left_ms()));
  if (!found) return tl::make_unexpected(found.error());
  for (const std::string& name : *names) {
    if (found->contains(name)) continue;
    auto any = has_commits(client->get(), name, topic, Millis(std::max(deadline.left_ms(), 1)));
    if (!any) return tl::make_unexpected(any.error());
    if (*any) found->insert(name);
  }
  return std::vector<std::string>(found->begin(), found->end());
}

}  // namespace waybill::source
