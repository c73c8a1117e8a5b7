// What the brokers say about a consumer group: committed positions and members.

#include "source/admin_request.h"
#include "source/range_reader.h"

namespace waybill::source {

Result<std::vector<std::pair<PartitionId, Offset>>> KafkaRangeReader::committed(std::string_view group,
                                                                                std::string_view topic,
                                                                                Millis timeout) {
  std::string name(group);
  AdminRequest request(uncommitted_.client.get(), RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, timeout);
  std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t, Free<rd_kafka_ListConsumerGroupOffsets_destroy>> asked(
      rd_kafka_ListConsumerGroupOffsets_new(name.c_str(), nullptr));
  rd_kafka_ListConsumerGroupOffsets_t* list[] = {asked.get()};
  rd_kafka_ListConsumerGroupOffsets(uncommitted_.client.get(), list, 1, request.options(), request.queue());
  auto event = request.wait("positions of group " + name);
  if (!event) return tl::make_unexpected(event.error());
  size_t count = 0;
  const auto* result = rd_kafka_event_ListConsumerGroupOffsets_result(event->get());
  auto** groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count);
  std::vector<std::pair<PartitionId, Offset>> positions;
  for (size_t g = 0; g < count; ++g) {
    if (const auto* error = rd_kafka_group_result_error(groups[g])) {
      auto code = rd_kafka_error_code(error);
      if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) continue;
      return kafka_error("positions of group " + name, code);
    }
    const auto* partitions = rd_kafka_group_result_partitions(groups[g]);
    for (int i = 0; partitions && i < partitions->cnt; ++i) {
      const auto& entry = partitions->elems[i];
      if (entry.err || entry.offset < 0 || topic != entry.topic) continue;
      positions.push_back({PartitionId(entry.partition), Offset(entry.offset)});
    }
  }
  return positions;
}

Result<std::vector<flow::RangeReader::Member>> KafkaRangeReader::members(std::string_view group,
                                                                         Millis timeout) {
  std::string name(group);
  AdminRequest request(uncommitted_.client.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout);
  const char* names[] = {name.c_str()};
  rd_kafka_DescribeConsumerGroups(uncommitted_.client.get(), names, 1, request.options(), request.queue());
  auto event = request.wait("members of group " + name);
  if (!event) return tl::make_unexpected(event.error());
  size_t count = 0;
  const auto* result = rd_kafka_event_DescribeConsumerGroups_result(event->get());
  const auto** groups = rd_kafka_DescribeConsumerGroups_result_groups(result, &count);
  std::vector<Member> members;
  for (size_t g = 0; g < count; ++g) {
    if (const auto* error = rd_kafka_ConsumerGroupDescription_error(groups[g])) {
      auto code = rd_kafka_error_code(error);
      if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) continue;  // a group without members, to us
      return kafka_error("members of group " + name, code);
    }
    size_t size = rd_kafka_ConsumerGroupDescription_member_count(groups[g]);
    for (size_t i = 0; i < size; ++i) {
      const auto* from = rd_kafka_ConsumerGroupDescription_member(groups[g], i);
      Member member{rd_kafka_MemberDescription_consumer_id(from),
                    rd_kafka_MemberDescription_client_id(from),
                    rd_kafka_MemberDescription_host(from),
                    {}};
      const auto* assignment = rd_kafka_MemberDescription_assignment(from);
      const auto* owned = assignment ? rd_kafka_MemberAssignment_partitions(assignment) : nullptr;
      for (int p = 0; owned && p < owned->cnt; ++p) {
        member.partitions.push_back({owned->elems[p].topic, PartitionId(owned->elems[p].partition)});
      }
      members.push_back(std::move(member));
    }
  }
  return members;
}

}  // namespace waybill::source
