#pragma once
// The overview: all topics as they stood a moment ago, kept in memory, so that pages of ten thousand topics
// cost no scan each.

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "audit/query.h"
#include "audit/query_topic_sums.h"

namespace waybill::audit {

/// How bad a topic is; the order of the list.
enum class Trouble : uint8_t { kLost, kSuspected, kUnconfirmed, kIncomplete, kNone };
std::string_view trouble_name(Trouble trouble);  ///< "lost" ... "ok"

/// All topics at one moment. Immutable: any thread.
struct TopicBoard {
  struct Entry {
    TopicKey key;
    TopicSum topic;
    std::set<std::string> why;  ///< incomplete
    Trouble trouble = Trouble::kNone;
    uint64_t fingerprint = 0;  ///< of all counts and positions
  };
  std::vector<Entry> entries;  ///< worst first, then by key
  int64_t as_of_ms = 0;
};

/// Reads all topics. Cost and errors: those of read_topics and read_reasons.
Result<std::shared_ptr<const TopicBoard>> read_board(flow::Store& store, Now now);

/// "cluster/name" of the topics whose figures differ between the two.
std::vector<std::string> changed_topics(const TopicBoard& before, const TopicBoard& after);

/// Sum of what the findings of all topics count; differs when a finding came, went or changed its state.
uint64_t findings_fingerprint(const TopicBoard& board);

/// GET /api/v1/overview: a page of the board, with the sums of the range from the store for the topics of the
/// page. Parameters: cluster, topic, q, state, from, to, limit, next. kInvalid names a wrong one.
Result<std::string> overview_json(flow::Store& store, const TopicBoard& board, const Params& params, Now now);

/// GET /api/v1/findings: findings_json of one topic of the board after the other, each finding with its
/// topic. Parameters: those of findings_json, and topic.
Result<std::string> all_findings_json(flow::Store& store, const TopicBoard& board, const Params& params,
                                      Now now);

}  // namespace waybill::audit
