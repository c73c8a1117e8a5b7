#pragma once
// Totals of topics and groups as they stand in the store: what the lists of topics are made of.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/query_json.h"
#include "audit/query_rows.h"
#include "flow/store.h"

namespace waybill::audit {

/// Where one side stands in the newest incarnation of one partition.
struct Standing {
  int64_t incarnation = -1;
  int64_t position = -1;  ///< committed, else next; -1 = unknown
  int64_t end = -1;       ///< of the log, as far as known
  int64_t oldest_unread_ms = 0;
};

struct GroupSum {
  int64_t consumed = 0;
  int64_t unaudited = 0;  ///< beyond TopicSum::unplaced
  StateCounts states;
  std::map<int64_t, Standing> partitions;
};

struct TopicSum {
  int64_t produced = 0;
  int64_t unplaced = 0;  ///< sends whose outcome or offset nobody knows: these may be what seems unaudited
  std::map<int64_t, Standing> partitions;  ///< the produce side
  std::map<std::string, GroupSum> groups;
};

using TopicKey = std::pair<std::string, std::string>;  ///< cluster, topic

/// All topics of the store, or of what `where` leaves (filters on cluster and topic). kLimit beyond 2 million
/// rows. Cost: one row per partition, group and life of a topic.
Result<std::map<TopicKey, TopicSum>> read_topics(flow::Store& store, const std::vector<flow::Filter>& where);

/// Reasons by (cluster, topic); topic "" holds those of every topic of the cluster.
Result<std::map<TopicKey, std::set<std::string>>> read_reasons(flow::Store& store,
                                                               const std::vector<flow::Filter>& where);

struct Lag {
  std::optional<int64_t> messages;
  std::optional<double> seconds;
};

/// Summed over the partitions whose position and end are known. Seconds are unknown when nothing says how old
/// the unread are.
Lag lag_of(const TopicSum& topic, const GroupSum& group, Now now);

/// One element of `topics` in the answers: cluster, name, produced, unaudited, complete, incomplete_reasons,
/// groups.
Json topic_json(const TopicKey& key, const TopicSum& topic, const std::set<std::string>& why, Now now);

}  // namespace waybill::audit
