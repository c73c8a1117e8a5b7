// GET /api/v1/overview
#include "audit/query_overview.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <tuple>

#include "audit/query_params.h"
#include "audit/query_rows.h"
#include "audit/tables.h"
#include "tally/bucket.h"

namespace waybill::audit {
namespace {

constexpr int64_t kOverviewLimitMissing = 50;
constexpr int64_t kOverviewLimitMost = 500;
constexpr int64_t kRangeGroupsMax = 10'000;  ///< of a topic
constexpr std::string_view kTroubles[] = {"lost", "suspected", "unconfirmed", "incomplete", "ok"};

Trouble trouble_of(const TopicBoard::Entry& entry) {
  const auto any = [&](std::string_view state) {
    return std::any_of(entry.topic.groups.begin(), entry.topic.groups.end(),
                       [&](const auto& group) { return group.second.states.of(state) > 0; });
  };
  if (any("lost")) return Trouble::kLost;
  if (any("suspected")) return Trouble::kSuspected;
  if (any("unconfirmed")) return Trouble::kUnconfirmed;
  return entry.why.empty() ? Trouble::kNone : Trouble::kIncomplete;
}

void mix(uint64_t& hash, uint64_t value) {
  hash ^= value + 0x9e3779b97f4a7c15ULL + (hash << 6U) + (hash >> 2U);
}

void mix_sides(uint64_t& hash, const std::map<int64_t, Standing>& sides) {
  for (const auto& [partition, side] : sides) {
    mix(hash, static_cast<uint64_t>(side.incarnation));
    mix(hash, static_cast<uint64_t>(side.position));
    mix(hash, static_cast<uint64_t>(side.end));
  }
}

uint64_t fingerprint_of(const TopicBoard::Entry& entry) {
  uint64_t hash = static_cast<uint64_t>(entry.topic.produced);
  mix_sides(hash, entry.topic.partitions);
  for (const auto& [name, group] : entry.topic.groups) {
    mix(hash, std::hash<std::string>()(name));
    mix(hash, static_cast<uint64_t>(group.consumed));
    mix(hash, static_cast<uint64_t>(group.unaudited));
    for (const int64_t count : group.states.counts) mix(hash, static_cast<uint64_t>(count));
    mix_sides(hash, group.partitions);
  }
  for (const std::string& reason : entry.why) mix(hash, std::hash<std::string>()(reason));
  return hash;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// What the parameters leave of the board.
struct Choice {
  std::optional<std::string> cluster, topic;
  std::string q, state;

  bool fits(const TopicBoard::Entry& entry) const {
    if (cluster && entry.key.first != *cluster) return false;
    if (topic && entry.key.second != *topic) return false;
    if (!state.empty() && trouble_name(entry.trouble) != state) return false;
    if (q.empty() || lowered(entry.key.second).find(q) != std::string::npos) return true;
    return std::any_of(entry.topic.groups.begin(), entry.topic.groups.end(),
                       [&](const auto& group) { return lowered(group.first).find(q) != std::string::npos; });
  }
};

Result<Choice> choice_of(const Params& params) {
  Choice choice{.cluster = params("cluster"), .topic = params("topic"), .q = {}, .state = {}};
  choice.q = lowered(params("q").value_or(""));
  auto state = one_of(params, "state", kTroubles, "");
  if (!state) return tl::unexpected(std::move(state.error()));
  choice.state = *state;
  return choice;
}

/// The position in the list of what fits. The list may change between two pages: a page then shows a topic
/// twice or not, as any list sorted by what changes.
Result<size_t> position(const Params& params) {
  const auto text = params("next");
  if (!text) return size_t{0};
  size_t value = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size())
    return fail(Errc::kInvalid, "next: not one that an earlier page gave");
  return value;
}

struct Totals {
  int64_t produced = 0, consumed = 0, unaudited = 0, incomplete = 0;
  StateCounts states;

  void add(const TopicBoard::Entry& entry) {
    produced += entry.topic.produced;
    incomplete += entry.why.empty() ? 0 : 1;
    int64_t most = 0;
    for (const auto& [name, group] : entry.topic.groups) {
      consumed += group.consumed;
      most = std::max(most, group.unaudited);
      states.add(group.states);
    }
    unaudited += most;
  }

  Json json() const {
    Json out{{"produced", produced}, {"consumed", consumed}};
    for (std::string_view state : kStates) out[std::string(state)] = states.of(state);
    out["unaudited"] = unaudited;
    out["incomplete_topics"] = incomplete;
    return out;
  }
};

/// The sums of one topic in a range.
struct RangeSums {
  struct Side {
    int64_t count = 0, distinct = 0, failed = 0, unknown = 0;
    StateCounts states;
  };
  Side produced;
  std::map<std::string, Side> groups;

  Json json() const {
    Json by_group = Json::object();
    for (const auto& [name, side] : groups) {
      Json& out = by_group[name];
      out["consumed"] = side.distinct;
      for (std::string_view state : kStates) out[std::string(state)] = side.states.of(state);
    }
    return {{"produced", produced.count},
            {"failed", produced.failed},
            {"unknown", produced.unknown},
            {"groups", std::move(by_group)}};
  }
};

Result<void> add_rows(flow::Store& store, const flow::TableSpec& table, const TopicKey& key, TimeRange range,
                      RangeSums& sums) {
  if (range.from_ms >= range.to_ms) return {};
  flow::Query query{.table = &table,
                    .where = {equals("cluster", key.first),
                              equals("topic", key.second),
                              equals("kind", static_cast<int64_t>(tally::BucketKind::kNormal)),
                              {"start", flow::Filter::Op::kGe, range.from_ms},
                              {"start", flow::Filter::Op::kLt, range.to_ms}},
                    .group_by = {"grp"},
                    .sketches = false,
                    .limit = kRangeGroupsMax};
  auto page = store.query(query);
  if (!page) return tl::unexpected(std::move(page.error()));
  for (const auto& group_row : page->rows) {
    const RowView row(table, group_row);
    const std::string& group = flow::text(group_row.key[0]);
    RangeSums::Side& side = group.empty() ? sums.produced : sums.groups[group];
    side.count += row.number("count");
    side.distinct += row.number("distinct_offsets");
    side.failed += row.number("failed");
    side.unknown += row.number("unknown");
    side.states.add(row);
  }
  return {};
}

/// Whole hours from the hours, what is left at both ends from the minutes.
Result<RangeSums> range_sums(flow::Store& store, const TopicKey& key, TimeRange range) {
  RangeSums sums;
  const int64_t first_hour = tally::bucket_start(range.from_ms + kHourMs - 1, kHourMs).value;
  const int64_t end_hour = tally::bucket_start(range.to_ms, kHourMs).value;
  if (first_hour >= end_hour) {
    auto done = add_rows(store, bucket_table(), key, range, sums);
    if (!done) return tl::unexpected(std::move(done.error()));
    return sums;
  }
  auto done = add_rows(store, bucket_table(), key, {range.from_ms, first_hour}, sums);
  if (done) done = add_rows(store, hour_table(), key, {first_hour, end_hour}, sums);
  if (done) done = add_rows(store, bucket_table(), key, {end_hour, range.to_ms}, sums);
  if (!done) return tl::unexpected(std::move(done.error()));
  return sums;
}

}  // namespace

std::string_view trouble_name(Trouble trouble) { return kTroubles[static_cast<size_t>(trouble)]; }

Result<std::shared_ptr<const TopicBoard>> read_board(flow::Store& store, Now now) {
  auto topics = read_topics(store, {});
  if (!topics) return tl::unexpected(std::move(topics.error()));
  auto missing = read_reasons(store, {});
  if (!missing) return tl::unexpected(std::move(missing.error()));
  auto board = std::make_shared<TopicBoard>();
  board->as_of_ms = now.wall_ms;
  board->entries.reserve(topics->size());
  for (auto& [key, topic] : *topics) {
    TopicBoard::Entry entry{.key = key, .topic = std::move(topic), .why = (*missing)[key]};
    entry.why.merge(std::set<std::string>((*missing)[{key.first, ""}]));
    entry.trouble = trouble_of(entry);
    entry.fingerprint = fingerprint_of(entry);
    board->entries.push_back(std::move(entry));
  }
  std::stable_sort(board->entries.begin(), board->entries.end(),
                   [](const auto& a, const auto& b) { return a.trouble < b.trouble; });
  return std::shared_ptr<const TopicBoard>(std::move(board));
}

std::vector<std::string> changed_topics(const TopicBoard& before, const TopicBoard& after) {
  std::map<TopicKey, uint64_t> known;
  for (const auto& entry : before.entries) known.emplace(entry.key, entry.fingerprint);
  std::vector<std::string> changed;
  for (const auto& entry : after.entries) {
    auto it = known.find(entry.key);
    if (it == known.end() || it->second != entry.fingerprint)
      changed.push_back(entry.key.first + "/" + entry.key.second);
  }
  return changed;
}

uint64_t findings_fingerprint(const TopicBoard& board) {
  uint64_t hash = 0;
  for (const auto& entry : board.entries) {
    uint64_t own = 0;  // added up, so that the order of the board does not matter
    mix(own, std::hash<std::string>()(entry.key.first + "/" + entry.key.second));
    for (const auto& [name, group] : entry.topic.groups) {
      for (std::string_view state : kStates) {
        if (state != "pending") mix(own, static_cast<uint64_t>(group.states.of(state)));
      }
    }
    hash += own;
  }
  return hash;
}

Result<std::string> overview_json(flow::Store& store, const TopicBoard& board, const Params& params,
                                  Now now) {
  auto limit = positive_number(params, "limit", kOverviewLimitMissing, kOverviewLimitMost);
  if (!limit) return tl::unexpected(std::move(limit.error()));
  auto range = time_range(params, now, {now.wall_ms - kHourMs, now.wall_ms + kHourMs});
  if (!range) return tl::unexpected(std::move(range.error()));
  auto choice = choice_of(params);
  if (!choice) return tl::unexpected(std::move(choice.error()));
  auto from = position(params);
  if (!from) return tl::unexpected(std::move(from.error()));

  Totals totals;
  size_t matching = 0;
  Json list = Json::array();
  for (const auto& entry : board.entries) {
    if (!choice->fits(entry)) continue;
    totals.add(entry);
    const size_t index = matching++;
    if (index < *from || list.size() >= static_cast<size_t>(*limit)) continue;
    auto sums = range_sums(store, entry.key, *range);
    if (!sums) return tl::unexpected(std::move(sums.error()));
    Json topic = topic_json(entry.key, entry.topic, entry.why, now);
    topic["range"] = sums->json();
    list.push_back(std::move(topic));
  }
  const size_t end = *from + list.size();
  return text_of(Json{{"as_of", board.as_of_ms},
                      {"topics_total", board.entries.size()},
                      {"matching", matching},
                      {"totals", totals.json()},
                      {"topics", std::move(list)},
                      {"next", end < matching ? Json(std::to_string(end)) : Json()}});
}

}  // namespace waybill::audit
