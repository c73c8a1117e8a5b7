#include "audit/query_topic_sums.h"

#include <algorithm>

#include "audit/query_rows.h"
#include "audit/tables.h"

namespace waybill::audit {
namespace {

constexpr int64_t kTopicRowsMax = 2'000'000;
constexpr int64_t kRowsAtOnce = 5000;  ///< a few MB; more at once are slower, not faster
constexpr int64_t kWholeTopic = -1;    ///< the partition that stands for what a topic counts without offsets

void stand(std::map<int64_t, Standing>& partitions, const RowView& row) {
  const int64_t incarnation = row.number("incarnation");
  Standing& standing = partitions[row.number("part")];
  if (incarnation < standing.incarnation) return;
  const int64_t committed = row.number("committed_offset");
  standing = {.incarnation = incarnation,
              .position = committed >= 0 ? committed : row.number("next_offset"),
              .end = std::max(row.number("log_end"), row.number("high_offset")),
              .oldest_unread_ms = row.number("oldest_unread_ms")};
}

void add_row(std::map<TopicKey, TopicSum>& topics, const RowView& row) {
  TopicSum& topic = topics[{row.text("cluster"), row.text("topic")}];
  const bool whole = row.number("part") == kWholeTopic;
  const std::string& name = row.text("grp");
  if (name.empty()) {
    if (whole) {
      topic.produced += row.number("count");
      topic.unplaced += row.number("unknown") + row.number("offset_unknown");
    } else {
      stand(topic.partitions, row);
    }
    return;
  }
  GroupSum& group = topic.groups[name];
  if (whole) return;
  group.consumed += row.number("distinct_offsets");
  group.unaudited += row.number("unaudited");
  group.states.add(row);
  stand(group.partitions, row);
}

Json group_json(const std::string& name, const TopicSum& topic, const GroupSum& group, Now now) {
  Json json{{"name", name}, {"consumed", group.consumed}};
  for (std::string_view state : {"lost", "redelivered", "late", "pending", "suspected", "unconfirmed",
                                 "excused", "accepted", "replayed"}) {
    json[std::string(state)] = group.states.of(state);
  }
  const Lag lag = lag_of(topic, group, now);
  json["lag_messages"] = lag.messages ? Json(*lag.messages) : Json();
  json["lag_seconds"] = lag.seconds ? Json(*lag.seconds) : Json();
  return json;
}

}  // namespace

Lag lag_of(const TopicSum& topic, const GroupSum& group, Now now) {
  Lag lag;
  int64_t behind_without_age = 0;
  for (const auto& [partition, own] : group.partitions) {
    int64_t end = own.end;
    if (auto it = topic.partitions.find(partition);
        it != topic.partitions.end() && it->second.incarnation == own.incarnation) {
      end = std::max(end, it->second.end);
    }
    if (own.position < 0 || end < 0) continue;
    const int64_t behind = std::max<int64_t>(0, end - own.position);
    lag.messages = lag.messages.value_or(0) + behind;
    if (behind > 0 && own.oldest_unread_ms <= 0) {
      ++behind_without_age;
      continue;
    }
    const double age =
        behind == 0 ? 0.0
                    : static_cast<double>(std::max<int64_t>(0, now.wall_ms - own.oldest_unread_ms)) / 1000.0;
    lag.seconds = std::max(lag.seconds.value_or(0.0), age);
  }
  if (behind_without_age > 0 && lag.seconds.value_or(0.0) == 0.0) lag.seconds.reset();
  return lag;
}

Result<std::map<TopicKey, TopicSum>> read_topics(flow::Store& store, const std::vector<flow::Filter>& where) {
  std::map<TopicKey, TopicSum> topics;
  auto read = each_row(store, {.table = &partition_table(), .where = where, .limit = kRowsAtOnce},
                       kTopicRowsMax, [&](const RowView& row) { add_row(topics, row); });
  if (!read) return tl::unexpected(std::move(read.error()));
  for (auto& [key, topic] : topics) {
    for (auto& [name, group] : topic.groups)
      group.unaudited = std::max<int64_t>(0, group.unaudited - topic.unplaced);
  }
  return topics;
}

Result<std::map<TopicKey, std::set<std::string>>> read_reasons(flow::Store& store,
                                                               const std::vector<flow::Filter>& where) {
  std::map<TopicKey, std::set<std::string>> out;
  auto done =
      each_row(store, {.table = &incomplete_table(), .where = where}, kTopicRowsMax, [&](const RowView& row) {
        out[{row.text("cluster"), row.text("topic")}].insert(row.text("reason"));
      });
  if (!done) return tl::unexpected(std::move(done.error()));
  return out;
}

Json topic_json(const TopicKey& key, const TopicSum& topic, const std::set<std::string>& why, Now now) {
  Json groups = Json::array();
  int64_t unaudited = 0;
  for (const auto& [name, group] : topic.groups) {
    groups.push_back(group_json(name, topic, group, now));
    unaudited = std::max(unaudited, group.unaudited);
  }
  return {{"cluster", key.first},       {"name", key.second},      {"produced", topic.produced},
          {"unaudited", unaudited},     {"complete", why.empty()}, {"incomplete_reasons", why},
          {"groups", std::move(groups)}};
}

}  // namespace waybill::audit
