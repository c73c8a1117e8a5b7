// GET /api/v1/topics
#include "audit/query.h"
#include "audit/query_rows.h"
#include "audit/query_topic_sums.h"

namespace waybill::audit {

Result<std::string> topics_json(flow::Store& store, const Params& params, Now now) {
  std::vector<flow::Filter> where;
  if (const auto cluster = params("cluster")) where.push_back(equals("cluster", *cluster));
  auto topics = read_topics(store, where);
  if (!topics) return tl::unexpected(std::move(topics.error()));
  auto missing = read_reasons(store, where);
  if (!missing) return tl::unexpected(std::move(missing.error()));
  Json list = Json::array();
  for (const auto& [key, topic] : *topics) {
    std::set<std::string> why = (*missing)[key];
    why.merge(std::set<std::string>((*missing)[{key.first, ""}]));
    list.push_back(topic_json(key, topic, why, now));
  }
  return text_of(Json{{"topics", std::move(list)}});
}

}  // namespace waybill::audit
