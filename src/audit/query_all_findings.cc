// GET /api/v1/findings: the findings of one topic after the other.
#include <algorithm>

#include "audit/query.h"
#include "audit/query_overview.h"
#include "audit/query_params.h"
#include "audit/query_rows.h"
#include "base/base64.h"

namespace waybill::audit {
namespace {

constexpr int64_t kAllLimitMissing = 1000;
constexpr int64_t kAllLimitMost = 10'000;

/// Where a page begins: a topic, and the page within it ("" = its first).
struct PagePlace {
  TopicKey key;
  std::string inner;
};

std::string encode(const PagePlace& place) {
  std::string text = base64_encode(text_of(Json{place.key.first, place.key.second, place.inner}));
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c == '=' ? '.' : c;
  return text;
}

Result<std::optional<PagePlace>> place_param(const Params& params) {
  auto text = params("next");
  if (!text) return std::optional<PagePlace>();
  for (char& c : *text) c = c == '-' ? '+' : c == '_' ? '/' : c == '.' ? '=' : c;
  const auto bytes = base64_decode(*text);
  const Json json = bytes ? Json::parse(*bytes, nullptr, false) : Json();
  const bool valid = json.is_array() && json.size() == 3 &&
                     std::all_of(json.begin(), json.end(), [](const Json& part) { return part.is_string(); });
  if (!valid) return fail(Errc::kInvalid, "next: not one that an earlier page gave");
  return std::optional(
      PagePlace{{json[0].get<std::string>(), json[1].get<std::string>()}, json[2].get<std::string>()});
}

/// Topics that count findings of the wanted state, by key.
std::vector<TopicKey> topics_with(const TopicBoard& board, const Params& params) {
  const auto cluster = params("cluster");
  const auto topic = params("topic");
  const auto group = params("group");
  const auto state = params("state");
  std::vector<TopicKey> keys;
  for (const auto& entry : board.entries) {
    if ((cluster && entry.key.first != *cluster) || (topic && entry.key.second != *topic)) continue;
    const bool any = std::any_of(entry.topic.groups.begin(), entry.topic.groups.end(), [&](const auto& side) {
      if (group && side.first != *group) return false;
      const StateCounts& states = side.second.states;
      if (state) return states.of(*state) > 0;
      return std::any_of(states.counts.begin(), states.counts.end(), [](int64_t n) { return n > 0; });
    });
    if (any) keys.push_back(entry.key);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

/// The parameters of the page within one topic.
Params inner_params(const Params& params, const TopicKey& key, int64_t limit, const std::string& next) {
  return [&params, &key, limit, &next](std::string_view name) -> std::optional<std::string> {
    if (name == "cluster") return key.first;
    if (name == "limit") return std::to_string(limit);
    if (name == "next") return next.empty() ? std::nullopt : std::optional(next);
    return params(name);
  };
}

}  // namespace

Result<std::string> all_findings_json(flow::Store& store, const TopicBoard& board, const Params& params,
                                      Now now) {
  auto limit = positive_number(params, "limit", kAllLimitMissing, kAllLimitMost);
  if (!limit) return tl::unexpected(std::move(limit.error()));
  if (params("state")) {
    if (auto state = one_of(params, "state", kStates, ""); !state)
      return tl::unexpected(std::move(state.error()));
  }
  if (auto range = time_range(params, now, {0, INT64_MAX}); !range)
    return tl::unexpected(std::move(range.error()));
  auto place = place_param(params);
  if (!place) return tl::unexpected(std::move(place.error()));

  const std::vector<TopicKey> keys = topics_with(board, params);
  auto it = *place ? std::lower_bound(keys.begin(), keys.end(), (*place)->key) : keys.begin();
  Json list = Json::array();
  Json next;
  for (; it != keys.end(); ++it) {
    const auto room = *limit - static_cast<int64_t>(list.size());
    if (room == 0) {
      next = encode({*it, ""});
      break;
    }
    const std::string inner = *place && (*place)->key == *it ? (*place)->inner : "";
    auto page = findings_json(store, it->second, inner_params(params, *it, room, inner), now);
    if (!page) return tl::unexpected(std::move(page.error()));
    Json json = Json::parse(*page);
    for (Json& finding : json["findings"]) {
      finding["topic"] = it->second;
      list.push_back(std::move(finding));
    }
    if (json["next"].is_string()) {
      next = encode({*it, json["next"].get<std::string>()});
      break;
    }
  }
  return text_of(Json{{"findings", std::move(list)}, {"next", std::move(next)}});
}

}  // namespace waybill::audit
